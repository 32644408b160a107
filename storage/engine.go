package storage

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"cairn/storage/arena"
	"cairn/storage/background"
	"cairn/storage/hashtable"
	"cairn/storage/layout"
	"cairn/storage/memtable"
	"cairn/storage/rowcache"
)

// engine is one open Pebble database and what is committed over it. Adopt replaces it while the old one may still be
// read.
type engine struct {
	db         *pebble.DB
	name       string // its folder, inside the store's
	rows       *rowcache.Cache
	background *background.Work
	tabled     atomic.Uint64  // how often Pebble has made tables of its memtables
	users      sync.WaitGroup // the views, transactions and calls that need db; Add is under Store.mu, see Store.retain
	flusher
	reached reached

	ahead lookahead // of the open transaction

	mu struct {
		sync.Mutex
		newest *readState
		open   []*readState   // all that have users, and some without, oldest first; the last is the newest
		record *layout.Record // the snapshot record, when it is not in Pebble yet
		failed error          // what every commit and flush returns, once one has failed
	}
}

// readState is the keyspace at one applied index. The commit that reaches the index makes it, and all views until the
// next commit share it: opening a view costs no Pebble lock, and does not wait for a commit that Pebble is holding up.
type readState struct {
	base  *base
	bufs  [2]*memtable.Table // what was committed since base, newer first; the second is nil when nothing is being flushed
	seq   uint64             // counts the states that the engine has published
	state layout.State
	users int // views, and the engine while it is the newest; guarded by engine.mu
}

// openEngine opens the database in a folder of the store, which must be there already unless create is set.
func (s *Store) openEngine(name string, create bool) (*engine, error) {
	if !s.o.ReadOnly {
		if err := background.CheckSpace(s.o.FS, s.dir, background.LogBytes(s.o.FS, s.path(name))); err != nil {
			return nil, err
		}
	}
	e := &engine{name: name}
	o := s.pebbleOptions()
	o.ErrorIfNotExists = !create
	o.EventListener.FlushEnd = func(pebble.FlushInfo) { e.tabled.Add(1) }
	e.background = background.New(o, pebbleLogger{s.o.Logger}.Errorf)
	db, err := pebble.Open(s.path(name), o)
	if err != nil {
		return nil, fmt.Errorf("storage: open %s: %w", s.path(name), corrupt(err))
	}
	e.db = db
	state := layout.NewState()
	b, err := get(db, []byte(layout.StateRow))
	if err == nil && b != nil {
		state, err = layout.ParseState(b)
	}
	var record layout.Record
	if err == nil {
		record, _, err = e.record()
	}
	if err == nil {
		e.kept = record.Index
		e.rows, err = rowcache.New(s.o.RowCacheBytes)
	}
	if err == nil {
		e.reached, err = s.openReached(name)
	}
	if err != nil {
		if e.rows != nil {
			e.rows.Close()
		}
		return nil, errors.Join(fmt.Errorf("storage: open %s: %w", s.path(name), err), db.Close())
	}
	e.mu.newest = &readState{base: e.newBase(), bufs: [2]*memtable.Table{memtable.New()}, state: state, users: 1}
	e.mu.newest.base.users = 1
	e.mu.open = []*readState{e.mu.newest}
	e.bufferBytes, e.interval = s.o.BufferBytes, s.o.FlushInterval
	e.flushing, e.committing, e.writing = make(latch, 1), make(latch, 1), make(latch, 1)
	e.dirty, e.full, e.ending = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	e.ended.Go(func() { e.flushSoon(s.o.Logger) })
	e.ended.Go(func() { e.noteReached(s.o.Logger) })
	return e, nil
}

// walPiece is how much of Pebble's log may be on its way to the disk at a time, in bytes, while more of it is written.
const walPiece = 256 << 10

func (s *Store) pebbleOptions() *pebble.Options {
	l := pebbleLogger{s.o.Logger}
	o := &pebble.Options{
		FS:            pebbleFS{s.o.FS, s.o.Logger},
		Cache:         s.cache,
		ReadOnly:      s.o.ReadOnly,
		Logger:        l,
		EventListener: &pebble.EventListener{DataCorruption: l.dataCorruption},
		// Pinned, so that a newer Pebble neither changes the files by itself nor sends a follower with an older one a
		// checkpoint that it cannot open. This one tells a torn end of the WAL from damage inside it.
		FormatMajorVersion: pebble.FormatTableFormatV6,
		MemTableSize:       s.o.MemTableBytes,
		// One slow flush shall not hold up the one goroutine that applies entries; the default of 2 would.
		MemTableStopWritesThreshold: 4,
	}
	// A flush is up to 32 MiB in Pebble's log. In one sync, that is a queue at the disk in which the Raft log's next
	// sync waits.
	o.WALBytesPerSync = walPiece
	// A write looks its key up, and most tables can say no, see base.getRow.
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// shutDown closes the database once nobody uses it. Without keep, what is not flushed is lost.
func (e *engine) shutDown(keep bool) error {
	e.users.Wait()
	close(e.ending)
	e.ended.Wait()
	var err error
	if keep && !e.background.Failing() { // the Raft log has it too
		err = e.flush(pebble.NoSync, nil)
	}
	if e.reached.file != nil {
		err = errors.Join(err, e.reached.file.Close())
	}
	e.release(e.mu.newest)
	e.rows.Close()
	e.background.End()
	return errors.Join(err, e.db.Close())
}

// publishLocked makes f the state that new views show.
func (e *engine) publishLocked(f *readState) {
	old := e.mu.newest
	f.base.users++
	f.users = 1
	e.mu.newest = f
	e.mu.open = append(e.mu.open, f)
	e.releaseLocked(old)
}

// acquire returns the newest published state, which the caller releases, and the number of the oldest that somebody
// holds.
func (e *engine) acquire() (newest *readState, oldest uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.newest.users++
	return e.mu.newest, e.mu.open[0].seq
}

func (e *engine) release(f *readState) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.releaseLocked(f)
}

func (e *engine) releaseLocked(f *readState) {
	if f.users--; f.users > 0 {
		return
	}
	e.releaseBaseLocked(f.base)
	for len(e.mu.open) > 0 && e.mu.open[0].users == 0 {
		e.mu.open[0] = nil
		e.mu.open = e.mu.open[1:]
	}
}

func (e *engine) releaseBaseLocked(b *base) {
	if b.users--; b.users == 0 {
		b.closeSnapshot()
	}
}

// newest returns the newest published state, only to look at its numbers.
func (e *engine) newest() *readState {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mu.newest
}

// state returns the newest published state row.
func (e *engine) state() layout.State {
	return e.newest().state
}

// record reads the snapshot record; ok is false when there is none.
func (e *engine) record() (r layout.Record, ok bool, err error) {
	e.mu.Lock()
	newest := e.mu.record
	e.mu.Unlock()
	if newest != nil {
		return *newest, true, nil
	}
	b, err := get(e.db, []byte(layout.RecordRow))
	if err != nil || b == nil {
		return r, false, err
	}
	r, err = layout.ParseRecord(b)
	return r, err == nil, err
}

// row returns the row of pkey in the state f, in the arena to if it is copied.
func (e *engine) row(f *readState, pkey []byte, to *arena.Arena) ([]byte, error) {
	hash := hashtable.Hash(pkey)
	if v, known := f.bufs[0].Get(hash, pkey, f.seq); known {
		return v, nil
	}
	v, _, err := e.older(f, hash, pkey, to)
	return v, err
}

// older returns the row of pkey in the state f, of which the newest buffer says nothing; asked says that Pebble was
// asked for it.
func (e *engine) older(f *readState, hash uint64, pkey []byte, to *arena.Arena) (v []byte, asked bool, err error) {
	if f.bufs[1] != nil {
		if v, known := f.bufs[1].Get(hash, pkey, f.seq); known {
			return v, false, nil
		}
	}
	if !layout.IsData(pkey) {
		v, err = f.base.getRow(pkey)
		return v, true, err
	}
	if v, known := e.rows.Get(hash, pkey, f.seq, to); known {
		return v, false, nil
	}
	v, err = f.base.getRow(pkey)
	if err == nil {
		v, err = joinChunks(f.base.snap, pkey, v)
	}
	if err == nil {
		e.rows.Fill(hash, pkey, v, f.seq)
	}
	return v, true, err
}

// get returns a copy of the value of key, nil when it is absent.
func get(r pebble.Reader, key []byte) ([]byte, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("storage: get: %w", corrupt(err))
	}
	b := append(make([]byte, 0, len(v)), v...)
	return b, closer.Close()
}

// corrupt adds layout.ErrCorrupt to those errors of Pebble that mean damaged or missing files.
func corrupt(err error) error {
	if pebble.IsCorruptionError(err) || errors.Is(err, pebble.ErrDBDoesNotExist) {
		return fmt.Errorf("%w: %w", layout.ErrCorrupt, err)
	}
	return err
}
