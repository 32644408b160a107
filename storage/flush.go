package storage

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"cairn/storage/layout"
	"cairn/storage/memtable"
)

// flusher brings what is committed to Pebble: when there is enough of it, when it has waited long enough, and when
// somebody needs it there. Until then only the Raft log has it on disk, which keeps it until Store.Sync.
type flusher struct {
	bufferBytes int64
	interval    time.Duration

	// The order in which they are taken: flushing, committing, writing, engine.mu.
	flushing   latch         // held by the flush that goes on, or is the next
	committing latch         // held by the open transaction, and to seal a buffer
	writing    latch         // held from a seal until its buffer is in Pebble
	flushed    uint64        // the seq of the state that Pebble has; guarded by writing
	kept       uint64        // the index of the snapshot record that Pebble has; guarded by writing
	durable    atomic.Uint64 // kept, once it is on disk with its state
	unsynced   int64         // bytes that went to Pebble and may not be on disk; guarded by writing
	dirty      chan struct{} // holds an element when there may be something to flush
	full       chan struct{} // likewise, and it shall not wait
	ending     chan struct{} // closed to end the goroutines
	ended      sync.WaitGroup
}

// latch is a lock that may be held while the disk is at work: who waits for it in a simulation lets time go on.
type latch chan struct{}

func (l latch) lock()   { l <- struct{}{} }
func (l latch) unlock() { <-l }

// flushSoon is the goroutine of the flusher.
func (e *engine) flushSoon(log *slog.Logger) {
	quiet := time.NewTicker(e.interval)
	defer quiet.Stop()
	for {
		select {
		case <-e.dirty:
		case <-quiet.C: // a flush would have begun a new base
			e.background.Start()
			f, _ := e.acquire()
			f.base.closeIdle()
			e.release(f)
			continue
		case <-e.ending:
			return
		}
		wait := time.NewTimer(e.interval)
		select {
		case <-wait.C:
		case <-e.full:
		case <-e.ending:
			wait.Stop()
			return
		}
		wait.Stop()
		if err := e.flush(pebble.Sync, nil); err != nil {
			log.Error("the state cannot be written", "err", err) // the next commit returns it
			return
		}
	}
}

// fail makes every later commit and flush return err.
func (e *engine) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.failed = fmt.Errorf("storage: the state cannot be written: %w", err)
}

// over says that the buffers of a state hold more than n times what one is to hold. What was written to them, and
// what Pebble was asked for to do so, bounds how long it takes after a crash to apply that part of the log again.
func (f *flusher) over(n int64, bufs [2]*memtable.Table) bool {
	var size, written, asked, deleted int64
	for _, b := range bufs {
		if b != nil {
			size, written, asked, deleted = size+b.Size(), written+b.Written(), asked+b.Asked(), deleted+int64(len(b.Deleted()))
		}
	}
	return size > n*f.bufferBytes || written > writtenOver*n*f.bufferBytes || asked > n*mostAsked || deleted > n*mostDeleted
}

// mostAsked is how many rows Pebble may be asked for to fill a buffer. A start has nothing of them in memory, and
// takes 10 to 40 µs for each.
const mostAsked = 16 << 10

// mostDeleted is how many deleted ranges may wait: who looks a row up searches them, and who deletes another copies
// them.
const mostDeleted = 1024

// writtenOver is how often the rows of a buffer may be written over before they go to Pebble: each flush costs them
// all, and each write the time of a start after a crash.
const writtenOver = 4

// beginTxn waits until there is room for a transaction, and for the last one to end.
func (e *engine) beginTxn() error {
	if e.over(2, e.newest().bufs) { // Pebble is a whole buffer behind
		if err := e.flush(pebble.NoSync, nil); err != nil {
			return err
		}
	}
	e.committing.lock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.failed != nil {
		e.committing.unlock()
	}
	return e.mu.failed
}

// commit makes a transaction the newest state; its rows are in the buffer.
func (e *engine) commit(t *Txn) error {
	e.mu.Lock()
	e.publishLocked(&readState{base: e.mu.newest.base, bufs: e.mu.newest.bufs, seq: t.seq, state: t.state})
	e.mu.Unlock()
	notify(e.reached.grown)
	notify(e.dirty)
	if e.over(1, [2]*memtable.Table{t.on.bufs[0]}) {
		notify(e.full)
	}
	return nil
}

// notify leaves an element in a channel that holds one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// flush returns once all that was committed before the call is in Pebble, and on disk when o says so. more adds to
// what is written.
func (e *engine) flush(o *pebble.WriteOptions, more func(b *pebble.Batch, state layout.State) error) error {
	e.flushing.lock()
	defer e.flushing.unlock()
	e.committing.lock()
	e.writing.lock()
	defer e.writing.unlock()
	p, err := e.seal()
	e.committing.unlock()
	switch {
	case err != nil:
		return err
	case p.seq != e.flushed || p.record != nil || more != nil:
		p.more = more
		return e.writeFlush(o, p)
	case o.Sync:
		if err := e.db.LogData(nil, o); err != nil {
			return err
		}
		e.synced()
	}
	return nil
}

// synced notes that all that Pebble has is on disk.
func (e *engine) synced() {
	e.durable.Store(e.kept)
	e.unsynced = 0
}

// commitThrough makes a transaction the newest state, in Pebble.
func (e *engine) commitThrough(t *Txn) error {
	e.writing.lock()
	defer e.writing.unlock()
	p, err := e.seal()
	if err != nil {
		return err
	}
	p.long, p.seq, p.state = t.long, t.seq, t.state
	return e.writeFlush(pebble.NoSync, p)
}

// seal returns the newest state as Pebble does not have it yet, and lets a new buffer take what comes.
func (e *engine) seal() (flushJob, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.mu.newest
	p := flushJob{rows: memtable.New(), seq: n.seq, state: n.state, record: e.mu.record}
	if b := n.bufs[0]; e.mu.failed == nil && (b.Size() > 0 || b.Asked() > 0) {
		e.publishLocked(&readState{base: n.base, bufs: [2]*memtable.Table{p.rows, n.bufs[0]}, seq: n.seq, state: n.state})
		p.rows = n.bufs[0]
	}
	return p, e.mu.failed
}

// flushJob is what goes to Pebble in one batch, to bring it to a state.
type flushJob struct {
	rows   *memtable.Table // sealed
	long   map[string]int  // see Txn.long
	seq    uint64
	state  layout.State
	record *layout.Record // nil: the one that Pebble has
	more   func(b *pebble.Batch, state layout.State) error
}

// writeFlush writes p and makes it the base of the newest state, which it becomes if it is newer.
func (e *engine) writeFlush(o *pebble.WriteOptions, p flushJob) error {
	if p.record != nil {
		e.kept = p.record.Index
	}
	e.background.Start() // Pebble may make the batch wait for one
	rows := p.rows.All()
	if err := e.writeBatch(o, p, rows); err != nil {
		e.fail(err)
		return err
	}
	if d := p.rows.Deleted(); len(d) > 0 {
		e.rows.Forget(d, p.seq)
	}
	e.rows.PutAll(p.rows, p.seq)
	e.flushed = p.seq
	if o.Sync {
		e.synced()
	} else if e.unsynced += p.rows.Size(); e.unsynced > writtenOver*e.bufferBytes {
		notify(e.dirty) // the log keeps what is not on disk, and would take as much of it
		notify(e.full)
	}
	f := &readState{base: e.newBase()}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.record == p.record || p.more != nil {
		e.mu.record = nil
	}
	f.seq, f.state, f.bufs[0] = e.mu.newest.seq, e.mu.newest.state, e.mu.newest.bufs[0]
	if p.seq > f.seq {
		f.seq, f.state = p.seq, p.state
	}
	e.publishLocked(f)
	return nil
}

func (e *engine) writeBatch(o *pebble.WriteOptions, p flushJob, rows []memtable.Sorted) error {
	b := e.db.NewBatchWithSize(int(p.rows.Size()) + stateBytes)
	defer b.Close()
	err := p.rows.Deleted().EachRange(func(lo, hi []byte) error { return deleteRange(b, lo, hi) })
	if err != nil {
		return err
	}
	for some := range slices.Chunk(rows, memtable.MaxPrefetch) {
		if err := setRows(b, some, p); err != nil {
			return err
		}
	}
	if p.record != nil {
		err = b.Set([]byte(layout.RecordRow), layout.AppendRecord(nil, *p.record), nil)
	}
	if err == nil {
		err = b.Set([]byte(layout.StateRow), layout.AppendState(nil, p.state), nil)
	}
	if err == nil && p.more != nil {
		err = p.more(b, p.state)
	}
	if err != nil {
		return err
	}
	return b.Commit(o)
}

// setRows writes a few rows of a sealed buffer to a batch.
func setRows(b *pebble.Batch, rows []memtable.Sorted, p flushJob) error {
	near := make([]*memtable.Row, 0, memtable.MaxPrefetch)
	for _, r := range rows {
		near = append(near, r.Row)
	}
	memtable.Touch(near)
	for _, r := range near {
		v, ok := p.rows.Newest(r)
		if !ok {
			continue
		}
		if err := setRow(b, r.Key(), v, p.long[string(r.Key())]); err != nil {
			return err
		}
	}
	return nil
}

// stateBytes is about what the state row and the record take in a batch.
const stateBytes = 2 << 10

// saveRecord makes r the snapshot record.
func (e *engine) saveRecord(r layout.Record) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.failed != nil {
		return e.mu.failed
	}
	if at := e.mu.newest.state.Index; r.Index > at {
		return fmt.Errorf("storage: a snapshot of %d, and the state is at %d", r.Index, at)
	}
	e.mu.record = &r
	notify(e.dirty)
	return nil
}
