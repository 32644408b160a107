package storage

import (
	"sync"

	"cairn/storage/layout"
)

// rowCache keeps key rows that were lately written or read, so that most look-ups cost two cache misses in the place of a walk
// through Pebble's memtables. It stands behind the buffers: what they hold is newer. It answers for exact states: the engine numbers
// the states it publishes, a row carries the number since which it is the newest, and a view older than that asks Pebble.
//
// What it forgets it forgets by generations: new and found rows go to the young one; when that is full it becomes the old
// one, and the old one is dropped.
type rowCache struct {
	shards [rowShards]rowShard
}

const (
	rowOverhead   = 96       // bytes of memory that a row costs beside its key and value, about
	cacheMaxValue = 16 << 10 // larger values are not kept
)

type rowShard struct {
	mu         sync.RWMutex
	young, old *rowTable // a row's seq is the state since which it has been the newest
	youngBytes int
	maxBytes   int    // of a generation
	newest     uint64 // the highest since that was put
	forgotten  uint64 // rows put in states up to this one may be gone; a reader of an older one must not fill
}

// newRowCache makes a cache of about sizeBytes.
func newRowCache(sizeBytes int64) *rowCache {
	c := &rowCache{}
	for i := range c.shards {
		c.shards[i].maxBytes = int(sizeBytes / rowShards / 2)
		c.shards[i].young, c.shards[i].old = &rowTable{}, &rowTable{}
	}
	return c
}

func (c *rowCache) shard(hash uint64) *rowShard { return &c.shards[hash%rowShards] }

// rlock locks many shards for reading, those whose bits are set.
func (c *rowCache) rlock(shards uint64) {
	for i := range c.shards {
		if shards>>i&1 != 0 {
			c.shards[i].mu.RLock()
		}
	}
}

func (c *rowCache) runlock(shards uint64) {
	for i := range c.shards {
		if shards>>i&1 != 0 {
			c.shards[i].mu.RUnlock()
		}
	}
}

// get returns the row of pkey in state seq; known is false when only Pebble can say.
func (c *rowCache) get(hash uint64, pkey []byte, seq uint64) (value []byte, known bool) {
	s := c.shard(hash)
	s.mu.RLock()
	r, aged := s.young.find(hash, pkey), false
	if r == nil {
		r = s.old.find(hash, pkey)
		aged = r != nil
	}
	value, known = r.in(seq)
	s.mu.RUnlock()
	if known && aged {
		s.renew(hash, pkey)
	}
	return value, known
}

// renew brings a row that was found in the old generation into the young one.
func (s *rowShard) renew(hash uint64, pkey []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.old.find(hash, pkey); r != nil {
		moved := *r
		s.old.remove(r)
		s.addLocked(hash, moved.key(), moved.value(), moved.seq)
	}
}

// putAll notes what the rows of a sealed buffer are in state seq, and that they became that since the state that Pebble showed before.
// It is called before the first view reads Pebble in that state. Rows of one shard there are of one here, and in about the same order.
func (c *rowCache) putAll(b *buffer, seq uint64) {
	for i := range b.shards {
		t := &b.shards[i].rows
		for from := 0; from < len(t.slots); from += putSlots {
			c.shards[i].putSome(t, t.slots[from:min(from+putSlots, len(t.slots))], seq)
		}
	}
}

// putSlots is how many slots of a buffer are looked at at a time: touchRows takes their rows.
const putSlots = maxExpected

func (s *rowShard) putSome(t *rowTable, slots []rowSlot, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, known := make([]*row, 0, putSlots), make([]*row, 0, putSlots)
	for _, slot := range slots {
		if slot.at != 0 {
			rows = append(rows, t.row(slot.at-1))
			known = append(known, s.young.candidate(slot.hash()))
		}
	}
	touchRows(rows)
	touchRows(known)
	for _, slot := range slots {
		if slot.at == 0 {
			continue
		}
		if r := t.row(slot.at - 1); r.seq != undone && *r.keyAt == layout.TagKey {
			s.putLocked(slot.hash(), r.key(), r.value(), seq)
		}
	}
}

// putLocked notes what a row of a buffer is in state seq. The cache keeps the block if it has its memory for itself.
func (s *rowShard) putLocked(hash uint64, pkey, value []byte, seq uint64) {
	s.newest = max(s.newest, seq)
	if len(value) > cacheMaxValue {
		s.dropLocked(hash, pkey)
		return
	}
	if len(pkey)+len(value) <= maxRoomBlock {
		pkey, value = newBlock(pkey, value)
	}
	if r := s.young.find(hash, pkey); r != nil {
		s.youngBytes += len(value) - int(r.valueLen)
		r.fill(pkey, value, seq)
		s.ageLocked()
		return
	}
	s.removeOldLocked(hash, pkey)
	s.addLocked(hash, pkey, value, seq)
}

// dropLocked forgets a row, as if it had become too old. What it takes in the table is taken until the generation ends.
func (s *rowShard) dropLocked(hash uint64, pkey []byte) {
	if r := s.young.find(hash, pkey); r != nil {
		s.youngBytes -= int(r.keyLen) + int(r.valueLen)
		s.young.remove(r)
	}
	s.removeOldLocked(hash, pkey)
	s.forgotten = s.newest
}

func (s *rowShard) removeOldLocked(hash uint64, pkey []byte) {
	if r := s.old.find(hash, pkey); r != nil {
		s.old.remove(r)
	}
}

// fill notes what a reader of state seq found in Pebble, unless a newer row is or may have been here. The cache keeps neither pkey nor
// value: it makes one block of them.
func (c *rowCache) fill(hash uint64, pkey, value []byte, seq uint64) {
	if len(value) > cacheMaxValue {
		return
	}
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq < s.forgotten || s.young.find(hash, pkey) != nil || s.old.find(hash, pkey) != nil {
		return
	}
	pkey, value = newBlock(pkey, value)
	s.addLocked(hash, pkey, value, seq)
}

func (s *rowShard) addLocked(hash uint64, pkey, value []byte, since uint64) {
	r := s.young.add(hash)
	r.fill(pkey, value, since)
	s.youngBytes += len(pkey) + len(value) + rowOverhead
	s.ageLocked()
}

// ageLocked begins a new generation when the young one is full.
func (s *rowShard) ageLocked() {
	if s.youngBytes < s.maxBytes {
		return
	}
	if s.old.len() > 0 {
		s.forgotten = s.newest
	}
	s.old, s.young, s.youngBytes = s.young, &rowTable{}, 0
}

// forget drops everything: ranges were deleted in state seq.
func (c *rowCache) forget(seq uint64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.young, s.old, s.youngBytes = &rowTable{}, &rowTable{}, 0
		s.newest = max(s.newest, seq)
		s.forgotten = s.newest
		s.mu.Unlock()
	}
}
