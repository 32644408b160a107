package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
)

// journal is the files that the entries are in: those of Pebble's write-ahead log, without the database behind it.
// Its records are Pebble batches, which set entries and delete ranges of them, and to replay them in order is to open
// the log. A database would write each entry again, into a table, before the log is cut.
//
// Writes are serialized by the store; reads go on beside them.
type journal struct {
	fs    vfs.FS
	dir   string
	log   logger
	bytes int64                      // how long a file gets
	ended func(num wal.NumWAL) error // called when a file is whole and on the disk

	wals  wal.Manager // nil when read-only
	w     wal.Writer
	num   wal.NumWAL // of w
	end   int64      // of the last record in w
	seq   uint64     // of the last record
	whole []file     // the files before w that the log may need, oldest first

	files sync.RWMutex // held for reading while a file is read, and for writing when files become free for others
	walks atomic.Int64 // callers of Entries, who come back for more
	mu    struct {
		sync.RWMutex
		locations []location // in order, without holes
	}
	last lastRecord
}

// location is where the entries from first to last are: in the record seq of the file num, which begins at byte at or
// behind it. Where it is whole, they are somewhere in that file, whose last record is seq.
type location struct {
	first, last uint64
	seq         uint64
	num         wal.NumWAL
	at          int64
	whole       bool
	logs        []raft.Log // the entries, as long as the file may not have them
}

// file is one that gets no more records, and how long it is.
type file struct {
	num   wal.NumWAL
	bytes int64
}

// lastRecord is the record that was read last, and the reader that stands behind it: entries are mostly read one
// after the other.
type lastRecord struct {
	sync.Mutex
	num  wal.NumWAL
	seq  uint64
	logs []raft.Log
	file vfs.File
	r    *record.Reader
	buf  bytes.Buffer
}

// dropRecord closes the file.
func (l *lastRecord) dropRecord() {
	if l.file != nil {
		_ = l.file.Close() // it was only read
	}
	l.num, l.seq, l.logs, l.file, l.r, l.buf = 0, 0, nil, nil, nil, bytes.Buffer{}
}

// blockBytes is the size of the blocks that Pebble's log is made of: a record may be looked for from the beginning of
// any of them.
const blockBytes = 32 << 10

// walOptions returns what Pebble's own log would be made with.
func (j *journal) walOptions(fs vfs.FS) wal.Options {
	return wal.Options{
		Primary:              wal.Dir{FS: fs, Dirname: j.dir},
		MaxNumRecyclableLogs: keptFiles,
		PreallocateSize:      func() int { return int(j.bytes) + spareOver }, // what a file takes that is not trimmed yet
		Logger:               j.log,
		EventListener:        j.log,
		// Each piece of a record says how much was synced before it, which tells damage from a torn end. Without a
		// histogram it says nothing.
		WriteWALSyncOffsets: func() bool { return true },
		FsyncLatency:        prometheus.NewHistogram(prometheus.HistogramOpts{Buckets: pebble.FsyncLatencyBuckets}),
	}
}

// keptFiles is how many files whose entries are gone are kept to be written over, which is faster than new ones.
const keptFiles = 4

// create begins a new file, the first one or the one after j.w.
func (j *journal) create() error {
	if j.w != nil {
		if _, err := j.w.Close(); err != nil { // it syncs
			return err
		}
		if err := j.trimFile(j.num, j.end); err != nil {
			j.log.log.Warn("a file of the raft log keeps room that it does not need", "err", err)
		}
		j.whole = append(j.whole, file{j.num, j.end})
		if err := j.ended(j.num); err != nil {
			return err
		}
	}
	w, err := j.wals.Create(j.num+1, 0)
	if err != nil {
		return fmt.Errorf("file %d of the entries: %w", j.num+1, err)
	}
	j.w, j.num, j.end = w, j.num+1, 0
	return nil
}

// rotate is create for a store that is in use: nobody knows what to do without the file, so its failure ends the
// process.
func (j *journal) rotate() {
	if err := j.create(); err != nil {
		j.log.Fatalf("begin the next file of the raft log: %v", err)
	}
}

// pending is a record that is on its way to the disk.
type pending struct {
	done sync.WaitGroup
	err  error
}

// writeRecord appends a batch, which it closes. The record is on the disk once p is done; no p, and a later record's
// sync says so.
func (j *journal) writeRecord(b *pebble.Batch, p *pending) (at int64) {
	if j.end >= j.bytes {
		j.rotate()
	}
	at = j.end
	j.seq++
	repr := b.Repr()
	batchrepr.SetSeqNum(repr, pebble.SeqNum(j.seq))
	var o wal.SyncOptions
	if p != nil {
		p.done.Add(1)
		o = wal.SyncOptions{Done: &p.done, Err: &p.err}
	}
	end, err := j.w.WriteRecord(repr, o, nil)
	if err := errors.Join(err, b.Close()); err != nil {
		j.log.Fatalf("write the raft log: %v", err)
	}
	j.end = end
	return at
}

// await returns once p is on the disk.
func (j *journal) await(p *pending) {
	if p.done.Wait(); p.err != nil {
		j.log.Fatalf("sync the raft log: %v", p.err)
	}
}

// append writes a batch of entries, as write does. It keeps logs until synced.
func (j *journal) append(b *pebble.Batch, logs []*raft.Log, p *pending) (seq uint64) {
	kept := make([]raft.Log, len(logs))
	for i, log := range logs {
		kept[i] = readBack(log)
	}
	at := j.writeRecord(b, p)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.mu.locations = append(j.mu.locations, location{
		first: logs[0].Index, last: logs[len(logs)-1].Index, seq: j.seq, num: j.num, at: at, logs: kept,
	})
	return j.seq
}

// synced notes that the files have all records up to seq.
func (j *journal) synced(seq uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := sort.Search(len(j.mu.locations), func(i int) bool { return j.mu.locations[i].seq > seq }) - 1
	for ; i >= 0 && j.mu.locations[i].logs != nil; i-- {
		j.mu.locations[i].logs = nil
	}
}

// trimLocations forgets where entries outside of [first, last] are.
func (j *journal) trimLocations(first, last uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.mu.locations = trim(j.mu.locations, first, last)
}

// trim returns the locations, which are in order, of what is in [first, last]; of nothing if first is 0.
func trim(ps []location, first, last uint64) []location {
	n := sort.Search(len(ps), func(i int) bool { return ps[i].last >= first })
	clear(ps[:n])
	for ps = ps[n:]; len(ps) > 0 && (first == 0 || ps[len(ps)-1].first > last); ps = ps[:len(ps)-1] {
		ps[len(ps)-1] = location{}
	}
	if len(ps) > 0 {
		ps[0].first = max(ps[0].first, first)
		ps[len(ps)-1].last = min(ps[len(ps)-1].last, last)
	}
	return ps
}

// locate returns where the entry at index is.
func (j *journal) locate(index uint64) (p location, ok bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	ps := j.mu.locations
	i := sort.Search(len(ps), func(i int) bool { return ps[i].last >= index })
	if i == len(ps) || ps[i].first > index {
		return location{}, false
	}
	return ps[i], true
}

// between returns the locations of [lo, hi], all of which the log contains.
func (j *journal) between(lo, hi uint64) []location {
	j.mu.RLock()
	defer j.mu.RUnlock()
	ps := j.mu.locations
	from := sort.Search(len(ps), func(i int) bool { return ps[i].last >= lo })
	to := sort.Search(len(ps), func(i int) bool { return ps[i].first > hi })
	return append([]location(nil), ps[from:to]...)
}

// entriesIn returns the first and the last entry of those that are in a file, the newest; 0 when there are none.
func (j *journal) entriesIn(num wal.NumWAL) (first, last uint64) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	for _, p := range slices.Backward(j.mu.locations) {
		if p.num != num {
			break
		}
		if first = p.first; last == 0 {
			last = p.last
		}
	}
	return first, last
}

// firstLocated returns the first entry that a location is known for, 0 if there is none.
func (j *journal) firstLocated() uint64 {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if len(j.mu.locations) == 0 {
		return 0
	}
	return j.mu.locations[0].first
}

// gap says that one of the entries from first to last is in none of the locations, which are in order and of these
// entries.
func gap(ps []location, first, last uint64) bool {
	for _, p := range ps {
		if p.first != first {
			return true
		}
		first = p.last + 1
	}
	return first != last+1
}

// oldest returns the oldest file that the log needs. No write goes on.
func (j *journal) oldest() wal.NumWAL {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if len(j.mu.locations) == 0 {
		return j.num
	}
	return j.mu.locations[0].num
}

// size returns how long the files are, together, that the log needs. No write goes on.
func (j *journal) size() (bytes int64) {
	oldest := j.oldest()
	for _, f := range j.whole {
		if f.num >= oldest {
			bytes += f.bytes
		}
	}
	return bytes + j.end
}

// since returns the first entry of the newest files that are at most so long together, with the one that is written;
// 0 when that are all files. No write goes on.
func (j *journal) since(bytes int64) (first uint64) {
	num, oldest := j.num, j.oldest()
	left := bytes - j.end
	for _, f := range slices.Backward(j.whole) {
		if left -= f.bytes; left < 0 || f.num < oldest {
			break
		}
		num = f.num
	}
	if num == oldest {
		return 0
	}
	j.mu.RLock()
	defer j.mu.RUnlock()
	i := sort.Search(len(j.mu.locations), func(i int) bool { return j.mu.locations[i].num >= num })
	if i == len(j.mu.locations) {
		return j.mu.locations[i-1].last + 1 // oldest would be num, were there none
	}
	return j.mu.locations[i].first
}

// frees says that a file is not needed any more once the entries before first are gone. No write goes on.
func (j *journal) frees(first uint64) bool {
	p, ok := j.locate(first)
	return ok && p.num > j.oldest()
}

// readEntry returns the entry at index; found is false when no location is known for it.
func (j *journal) readEntry(index uint64) (log raft.Log, found bool, err error) {
	j.files.RLock()
	defer j.files.RUnlock()
	p, ok := j.locate(index)
	if ok && p.whole {
		ps, err := j.readLocations(p)
		if err != nil {
			return raft.Log{}, true, err
		}
		i := sort.Search(len(ps), func(i int) bool { return ps[i].last >= index })
		p = ps[i]
	}
	if !ok {
		return raft.Log{}, false, nil
	}
	logs, err := j.readRecord(p)
	if err != nil {
		return raft.Log{}, true, err
	}
	if log, ok = logAt(logs, index); !ok {
		return raft.Log{}, true, fmt.Errorf("%w: entry %d is missing", ErrCorrupt, index)
	}
	return log, true, nil
}

// logAt returns the entry at index of those of a record.
func logAt(logs []raft.Log, index uint64) (raft.Log, bool) {
	if len(logs) == 0 || index-logs[0].Index >= uint64(len(logs)) {
		return raft.Log{}, false
	}
	return logs[index-logs[0].Index], true
}

// readRecord returns the entries of the record at a location; some of them may not be part of the log any more. The
// file is still its own.
func (j *journal) readRecord(p location) ([]raft.Log, error) {
	if p.logs != nil {
		return p.logs, nil
	}
	l := &j.last
	l.Lock()
	defer l.Unlock()
	if l.seq == p.seq {
		return l.logs, nil
	}
	if l.num == p.num && l.seq < p.seq && p.seq < l.seq+readOn {
		// It may have come to what was the end of the file, or to what was not yet written then.
		if b, err := j.recordFrom(l.r, p.seq); err == nil {
			return l.keepRecord(p, b)
		}
	}
	l.dropRecord()
	f, err := j.fs.Open(j.path(p.num))
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", p.first, err)
	}
	l.num, l.file, l.r = p.num, f, readerOf(record.NewReader, f, p.at/blockBytes*blockBytes, p.num)
	b, err := j.recordFrom(l.r, p.seq)
	if err != nil {
		l.dropRecord()
		err = fmt.Errorf("%w: file %d, entry %d: %w", ErrCorrupt, p.num, p.first, err)
		j.log.log.Error("the raft log is damaged", "err", err)
		return nil, err
	}
	return l.keepRecord(p, b)
}

// readLocations returns the locations that a whole one is for, by reading its file, and notes them.
func (j *journal) readLocations(p location) ([]location, error) {
	f, err := j.fs.Open(j.path(p.num))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var found []location
	var buf bytes.Buffer
	for r, seq := readerOf(record.NewReader, f, 0, p.num), uint64(0); seq < p.seq; {
		at := r.Offset()
		b, err := nextRecord(r, &buf)
		if err != nil {
			err = fmt.Errorf("%w: file %d of the entries: %w", ErrCorrupt, p.num, err)
			j.log.log.Error("the raft log is damaged", "err", err)
			return nil, err
		}
		seq = uint64(batchrepr.ReadSeqNum(b))
		here, err := locationOf(b, p.num, at)
		if err != nil {
			return nil, err
		}
		if here.first != 0 {
			found = append(trim(found, 1, here.first-1), here)
		}
	}
	found = trim(found, p.first, p.last)
	if gap(found, p.first, p.last) {
		return nil, fmt.Errorf("%w: file %d of the entries does not have those from %d to %d", ErrCorrupt, p.num, p.first, p.last)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if i := slices.IndexFunc(j.mu.locations, func(q location) bool { return q.whole && q.num == p.num }); i >= 0 {
		now := j.mu.locations[i] // some of it may have gone meanwhile
		j.mu.locations = slices.Replace(j.mu.locations, i, i+1, trim(slices.Clone(found), now.first, now.last)...)
	}
	return found, nil
}

// locationOf returns the location of the entries of a record; its first is 0 when there are none.
func locationOf(b []byte, num wal.NumWAL, at int64) (location, error) {
	p := location{seq: uint64(batchrepr.ReadSeqNum(b)), num: num, at: at}
	err := changesOf(b, func(pkey, _ []byte) error {
		index, err := decodeEntryKey(pkey)
		if err == nil && p.first != 0 && index != p.last+1 {
			err = fmt.Errorf("%w: entry %d after %d", ErrCorrupt, index, p.last)
		}
		if p.first == 0 {
			p.first = index
		}
		p.last = index
		return err
	}, func([]byte, []byte) error { return nil })
	return p, err
}

// readOn is how many records a reader passes by, at most, before it begins anew near the one that is wanted.
const readOn = 8

// maxKeptRecord is how many bytes a record may have that is kept in memory once it was read.
const maxKeptRecord = 4 << 20

// keepRecord notes the record b, which the reader has come to, and returns its entries.
func (l *lastRecord) keepRecord(p location, b []byte) ([]raft.Log, error) {
	logs, err := entriesOf(b)
	if err != nil {
		l.dropRecord()
		return nil, err
	}
	if l.seq, l.logs = p.seq, logs; len(b) > maxKeptRecord {
		l.dropRecord()
	}
	return logs, nil
}

// recordFrom returns the record seq, at or behind which r stands.
func (j *journal) recordFrom(r *record.Reader, seq uint64) ([]byte, error) {
	for {
		b, err := nextRecord(r, &j.last.buf)
		if err != nil {
			return nil, err
		}
		switch at := uint64(batchrepr.ReadSeqNum(b)); {
		case at == seq:
			return bytes.Clone(b), nil // the entries alias it
		case at > seq:
			return nil, fmt.Errorf("record %d is missing", seq)
		}
	}
}

// releaseFiles says that the files before oldest may be written over.
func (j *journal) releaseFiles(oldest wal.NumWAL) (unused []wal.DeletableLog, err error) {
	j.files.Lock()
	defer j.files.Unlock()
	j.last.Lock()
	defer j.last.Unlock()
	if j.last.num < oldest {
		j.last.dropRecord()
	}
	return j.wals.Obsolete(oldest, false)
}

// trimFile gives back what a file that is whole has of the disk beyond its end: what was preallocated, and of one
// that was used before for more, what is longer than files become. Up to there it stays as it is: a file that is used
// again shall not have to grow.
func (j *journal) trimFile(num wal.NumWAL, end int64) error {
	if j.fs != vfs.Default {
		return nil // no other preallocates
	}
	path := j.path(num)
	info, err := j.fs.Stat(path)
	if err != nil {
		return err
	}
	// Behind the last record is another piece, which says that it is the last.
	return os.Truncate(path, min(info.Size(), max(end+blockBytes, j.bytes+spareOver)))
}

// readerOf makes a reader of the records of a file, from byte at on. N is the type of Pebble's file numbers, which
// has no name outside.
func readerOf[N ~uint64](newReader func(io.Reader, N) *record.Reader, f vfs.File, at int64, num wal.NumWAL) *record.Reader {
	return newReader(io.NewSectionReader(f, at, 1<<62), N(num))
}

// nextRecord reads the next record into buf, and returns it.
func nextRecord(r *record.Reader, buf *bytes.Buffer) ([]byte, error) {
	next, err := r.Next()
	if err != nil {
		return nil, err
	}
	buf.Reset()
	_, err = buf.ReadFrom(next)
	if err == nil && buf.Len() < batchrepr.HeaderLen {
		err = fmt.Errorf("a record of %d bytes", buf.Len())
	}
	return buf.Bytes(), err
}

// entriesOf returns the entries that a record sets. They alias b.
func entriesOf(b []byte) (logs []raft.Log, err error) {
	err = changesOf(b, func(pkey, value []byte) error {
		log, err := decodeEntry(pkey, value)
		if err != nil {
			return err
		}
		if n := len(logs); n > 0 && log.Index != logs[n-1].Index+1 {
			return fmt.Errorf("%w: entry %d after %d", ErrCorrupt, log.Index, logs[n-1].Index)
		}
		logs = append(logs, log)
		return nil
	}, func([]byte, []byte) error { return nil })
	return logs, err
}

// changesOf calls set and remove for what a record does, in order.
func changesOf(b []byte, set func(pkey, value []byte) error, remove func(lo, hi []byte) error) error {
	for r := batchrepr.Read(b); ; {
		kind, key, value, ok, err := nextChange(&r)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		case !ok:
			return nil
		case kind == pebble.InternalKeyKindSet:
			err = set(key, value)
		case kind == pebble.InternalKeyKindRangeDelete:
			err = remove(key, value)
		default:
			err = fmt.Errorf("%w: a record that does %v", ErrUnknownFormat, kind)
		}
		if err != nil {
			return err
		}
	}
}

// nextChange is r.Next, which panics where a batch ends within a change (Pebble 2.1.7, batchrepr.DecodeStr).
func nextChange(r *batchrepr.Reader) (kind pebble.InternalKeyKind, key, value []byte, ok bool, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("it ends within a change")
		}
	}()
	return r.Next()
}

func (j *journal) path(num wal.NumWAL) string {
	return j.fs.PathJoin(j.dir, fileName(num))
}

// closeFiles ends the last file.
func (j *journal) closeFiles() error {
	j.last.Lock()
	j.last.dropRecord()
	j.last.Unlock()
	if j.wals == nil {
		return nil
	}
	var err error
	if j.w != nil {
		_, err = j.w.Close()
	}
	return errors.Join(err, j.wals.Close())
}
