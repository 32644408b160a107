package rowcache

import (
	"bytes"
	"encoding/binary"
	"sync"
	"sync/atomic"

	"cairn/storage/arena"
	"cairn/storage/hashtable"
	"cairn/storage/layout"
	"cairn/storage/memtable"
)

// ring keeps the rows of a shard of the cache in a piece of memory, one behind the other: see Cache.
//
// A row is a record: its size in units of recordAlign (2 bytes), the length of its key (2; 0 when the row is gone),
// that of its value (2), half of the key's hash (4), the state since which it is the newest (8), key and value.
type ring struct {
	mu         sync.RWMutex
	memory     []byte
	begin, end int               // of what is in use; while anything is they only grow, and mean bytes of memory modulo its length
	buckets    hashtable.Buckets // At-1 is where a record is, in units of recordAlign
	n          int               // rows
	taken      int               // bytes of memory that were ever written to
	referenced []atomic.Uint32   // a bit for each markBytes of memory: a row that begins there was asked for
	newest     uint64            // the highest state in which one was put
	forgotten  uint64            // rows put in states up to this one may be gone; a reader of an older one must not fill
}

const (
	recordHead  = 18
	recordAlign = 8
	maxRecord   = 2 * maxValue
	absentRow   = 1<<16 - 1 // in the place of a value's length: the row is known to be absent
	markBytes   = 64
	maxChances  = 8 // rows go to the end to make room for one; beyond them they are dropped, asked for or not
)

// use gives the ring its memory, which is empty.
func (s *ring) use(memory []byte) {
	s.memory = memory
	s.referenced = make([]atomic.Uint32, len(memory)/markBytes/32+1)
}

// recordSize returns how many bytes a record takes.
func recordSize(keyLen, valueLen int) int {
	return (recordHead + keyLen + valueLen + recordAlign - 1) &^ (recordAlign - 1)
}

// fits says whether a row is short enough to be kept.
func (s *ring) fits(pkey, value []byte) bool {
	return len(value) <= maxValue && recordSize(len(pkey), len(value)) <= min(maxRecord, len(s.memory))
}

// recordRef is where a record is.
type recordRef struct {
	in *ring
	at int
}

// touchRecords looks at what somebody who looks the rows up will look at.
func touchRecords(spots []recordRef) {
	sum := byte(0)
	for _, r := range spots {
		sum += r.in.memory[r.at]
	}
	hashtable.Touched(int(sum))
	for _, r := range spots {
		sum += r.in.memory[r.at+min(recordHead+r.in.keyLen(r.at)+layout.MaxRowHead, r.in.size(r.at))-1]
	}
	hashtable.Touched(int(sum))
}

func (s *ring) size(at int) int {
	return int(binary.LittleEndian.Uint16(s.memory[at:])) * recordAlign
}
func (s *ring) keyLen(at int) int   { return int(binary.LittleEndian.Uint16(s.memory[at+2:])) }
func (s *ring) tag(at int) uint32   { return binary.LittleEndian.Uint32(s.memory[at+6:]) }
func (s *ring) since(at int) uint64 { return binary.LittleEndian.Uint64(s.memory[at+10:]) }

func (s *ring) key(at int) []byte {
	return s.memory[at+recordHead:][:s.keyLen(at)]
}

// rowValue returns the bytes of the row's value where they are, nil when it is absent.
func (s *ring) rowValue(at int) []byte {
	n := int(binary.LittleEndian.Uint16(s.memory[at+4:]))
	if n == absentRow {
		return nil
	}
	return s.memory[at+recordHead+s.keyLen(at):][:n]
}

// setValue says what a row is from a state on. There is room for it.
func (s *ring) setValue(at int, value []byte, since uint64) {
	n := uint16(absentRow)
	if value != nil {
		n = uint16(len(value))
	}
	binary.LittleEndian.PutUint16(s.memory[at+4:], n)
	binary.LittleEndian.PutUint64(s.memory[at+10:], since)
	copy(s.memory[at+recordHead+s.keyLen(at):], value)
}

// findRecord returns where the row of a Pebble key is, and its bucket.
func (s *ring) findRecord(hash uint64, pkey []byte) (at int, bucket uint32, ok bool) {
	if len(s.buckets) == 0 {
		return 0, 0, false
	}
	tag, mask := hashtable.Tag(hash), uint32(len(s.buckets)-1)
	for i := tag & mask; s.buckets[i].At != 0; i = (i + 1) & mask {
		if s.buckets[i].Tag == tag {
			if at := recordAt(s.buckets[i]); bytes.Equal(s.key(at), pkey) {
				return at, i, true
			}
		}
	}
	return 0, 0, false
}

// candidate returns the row that find would look at first. It does not look at it.
func (s *ring) candidate(hash uint64) (at int, ok bool) {
	if len(s.buckets) == 0 {
		return 0, false
	}
	tag, mask := hashtable.Tag(hash), uint32(len(s.buckets)-1)
	for i := tag & mask; s.buckets[i].At != 0; i = (i + 1) & mask {
		if s.buckets[i].Tag == tag {
			return recordAt(s.buckets[i]), true
		}
	}
	return 0, false
}

// recordAt returns where the record of a bucket is.
func recordAt(s hashtable.Bucket) int { return int(s.At-1) * recordAlign }

func (s *ring) getRow(hash uint64, pkey []byte, seq uint64, to *arena.Arena) (value []byte, known bool) {
	at, _, ok := s.findRecord(hash, pkey)
	if !ok || s.since(at) > seq {
		return nil, false
	}
	if mark, bit := s.mark(at); mark.Load()&bit == 0 {
		mark.Or(bit)
	}
	return to.Copy(s.rowValue(at)), true
}

// mark returns the bit that says whether the row at a place was asked for.
func (s *ring) mark(at int) (of *atomic.Uint32, bit uint32) {
	n := at / markBytes
	return &s.referenced[n/32], 1 << (n % 32)
}

// putSome puts rows of a sealed memtable.
func (s *ring) putSome(t *memtable.Table, rows []memtable.Hashed, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	near, known := make([]*memtable.Row, 0, memtable.MaxPrefetch), make([]recordRef, 0, memtable.MaxPrefetch)
	for _, r := range rows {
		near = append(near, r.Row)
		if at, ok := s.candidate(r.Hash); ok {
			known = append(known, recordRef{s, at})
		}
	}
	touchRecords(known)
	memtable.Touch(near)
	for _, r := range rows {
		if v, ok := t.Newest(r.Row); ok && layout.IsData(r.Row.Key()) {
			s.putRow(r.Hash, r.Row.Key(), v, seq)
		}
	}
}

// putRow notes what a row is in state seq.
func (s *ring) putRow(hash uint64, pkey, value []byte, seq uint64) {
	s.newest = max(s.newest, seq)
	at, bucket, ok := s.findRecord(hash, pkey)
	if ok && len(value) <= maxValue && recordSize(len(pkey), len(value)) <= s.size(at) {
		s.setValue(at, value, seq)
		return
	}
	if ok {
		s.dropRecord(at, bucket)
	}
	if !s.fits(pkey, value) {
		s.forgotten = s.newest
		return
	}
	s.addRecord(hash, pkey, value, seq)
}

func (s *ring) fillRow(hash uint64, pkey, value []byte, seq uint64) {
	if seq < s.forgotten || !s.fits(pkey, value) {
		return
	}
	if _, _, ok := s.findRecord(hash, pkey); !ok {
		s.addRecord(hash, pkey, value, seq)
	}
}

// addRecord writes the record of a row that is not here and fits.
func (s *ring) addRecord(hash uint64, pkey, value []byte, since uint64) {
	size := recordSize(len(pkey), len(value))
	at := s.allocRecord(size)
	binary.LittleEndian.PutUint16(s.memory[at:], uint16(size/recordAlign))
	binary.LittleEndian.PutUint16(s.memory[at+2:], uint16(len(pkey)))
	binary.LittleEndian.PutUint32(s.memory[at+6:], hashtable.Tag(hash))
	copy(s.memory[at+recordHead:], pkey)
	s.setValue(at, value, since)
	s.unmark(at)
	if 4*(s.n+1) > 3*len(s.buckets) {
		s.buckets = s.buckets.Grown()
	}
	s.buckets.Insert(hashtable.Bucket{Tag: hashtable.Tag(hash), At: uint32(at/recordAlign) + 1})
	s.n++
}

func (s *ring) unmark(at int) {
	if mark, bit := s.mark(at); mark.Load()&bit != 0 {
		mark.And(^bit)
	}
}

// dropRecord takes a row away. What it takes of the memory is free when its turn comes.
func (s *ring) dropRecord(at int, bucket uint32) {
	binary.LittleEndian.PutUint16(s.memory[at+2:], 0)
	s.buckets.Remove(bucket)
	s.n--
}

// allocRecord returns where a record of size bytes begins, at the end of what is in use.
func (s *ring) allocRecord(size int) (at int) {
	for chances := maxChances; ; {
		if s.begin == s.end {
			s.begin, s.end = 0, 0
		}
		at = s.end % len(s.memory)
		rest := len(s.memory) - at
		if rest >= size {
			rest = 0 // no record lies across the end of the memory
		}
		if s.end-s.begin+rest+size <= len(s.memory) {
			if rest > 0 {
				binary.LittleEndian.PutUint16(s.memory[at:], uint16(rest/recordAlign))
				binary.LittleEndian.PutUint16(s.memory[at+2:], 0)
				at = 0
			}
			s.end += rest + size
			s.taken = max(s.taken, at+size)
			return at
		}
		if s.evictOldest(chances > 0) {
			chances--
		}
	}
}

// evictOldest makes the room of the record at the beginning free. If its row was asked for, and may have another
// chance, it goes to the end, and takes no more than it needs there.
func (s *ring) evictOldest(chance bool) (moved bool) {
	at := s.begin % len(s.memory)
	size := s.size(at)
	s.begin += size
	if s.keyLen(at) == 0 {
		return false
	}
	bucket := s.buckets.Find(hashtable.Bucket{Tag: s.tag(at), At: uint32(at/recordAlign) + 1})
	size = recordSize(s.keyLen(at), len(s.rowValue(at)))
	to := s.end % len(s.memory)
	mark, bit := s.mark(at)
	if chance && mark.Load()&bit != 0 && to+size <= len(s.memory) {
		copy(s.memory[to:to+size], s.memory[at:at+size])
		binary.LittleEndian.PutUint16(s.memory[to:], uint16(size/recordAlign))
		s.end += size
		s.buckets[bucket].At = uint32(to/recordAlign) + 1
		s.unmark(to)
		return true
	}
	s.forgotten = max(s.forgotten, s.since(at))
	s.buckets.Remove(bucket)
	s.n--
	return false
}

// dropDeleted drops the rows that state seq has deleted by ranges.
func (s *ring) dropDeleted(deleted memtable.Deletions, seq uint64) {
	for at := s.begin; at != s.end; {
		i := at % len(s.memory)
		if at += s.size(i); s.keyLen(i) == 0 {
			continue
		}
		if _, gone := deleted.Covers(s.key(i), seq); gone {
			s.dropRecord(i, s.buckets.Find(hashtable.Bucket{Tag: s.tag(i), At: uint32(i/recordAlign) + 1}))
		}
	}
	if s.n == 0 {
		s.dropAll()
	}
	s.newest = max(s.newest, seq)
	s.forgotten = s.newest
}

// dropAll drops all rows.
func (s *ring) dropAll() { s.begin, s.end, s.buckets, s.n = 0, 0, nil, 0 }
