package storage

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"cairn/storage/layout"
)

// engine is one open Pebble database. Adopt replaces it while the old one may still be read.
type engine struct {
	db    *pebble.DB
	name  string // its folder, inside the store's
	rows  *rowCache
	spare *overlay       // of an ended transaction, for the next; the writer's
	users sync.WaitGroup // the views, transactions and calls that need db; Add is under Store.mu, see Store.retain

	mu struct {
		sync.Mutex
		newest *frozen
	}
}

// frozen is the database at one applied index. The commit that reaches the index makes it, and all views until the next
// commit share it: opening a view costs no Pebble lock, and does not wait for a commit that Pebble is holding up.
type frozen struct {
	snap  *pebble.Snapshot
	seq   uint64 // counts the states that the engine has published
	state layout.State
	users int // views, and the engine while it is the newest; guarded by engine.mu
}

// openEngine opens the database in a folder of the store, which must be there already unless create is set.
func (s *Store) openEngine(name string, create bool) (*engine, error) {
	o := s.pebbleOptions()
	o.ErrorIfNotExists = !create
	db, err := pebble.Open(s.path(name), o)
	if err != nil {
		return nil, fmt.Errorf("storage: open %s: %w", s.path(name), corrupt(err))
	}
	e := &engine{db: db, name: name}
	state := layout.NewState()
	b, err := get(db, []byte(layout.StateRow))
	if err == nil && b != nil {
		state, err = layout.ParseState(b)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("storage: open %s: %w", s.path(name), err), db.Close())
	}
	e.rows = newRowCache(s.o.RowCacheBytes)
	e.publish(state)
	return e, nil
}

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
	// A write looks its key up, and most tables can say no. Get never asks the filters of the last level.
	for i := range len(o.Levels) - 1 {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	o.Levels[len(o.Levels)-1].FilterPolicy = pebble.NoFilterPolicy
	return o
}

// close closes the database once nobody uses it.
func (e *engine) close() error {
	e.users.Wait()
	return errors.Join(e.release(e.mu.newest), e.db.Close())
}

// takeOverlay returns an empty overlay. There is one writer.
func (e *engine) takeOverlay() *overlay {
	o := e.spare
	if e.spare = nil; o == nil {
		o = &overlay{values: make(map[string][]byte)}
	}
	return o
}

func (e *engine) giveOverlay(o *overlay) {
	if o.reset() {
		e.spare = o
	}
}

// publish makes what is committed now, whose state row says state, what new views show. Only the writer commits, and it
// publishes before it commits again: frozen data and state are of one index.
func (e *engine) publish(state layout.State) {
	f := &frozen{snap: e.db.NewSnapshot(), state: state, users: 1}
	e.mu.Lock()
	old := e.mu.newest
	if old != nil {
		f.seq = old.seq + 1
	}
	e.mu.newest = f
	e.mu.Unlock()
	if old != nil {
		_ = e.release(old) // closing a snapshot never fails
	}
}

// hold returns the newest published state, which the caller releases.
func (e *engine) hold() *frozen {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.newest.users++
	return e.mu.newest
}

func (e *engine) release(f *frozen) error {
	e.mu.Lock()
	f.users--
	last := f.users == 0
	e.mu.Unlock()
	if !last {
		return nil
	}
	return f.snap.Close()
}

// published returns the newest published state, and its number.
func (e *engine) published() (state layout.State, seq uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mu.newest.state, e.mu.newest.seq
}

// state returns the newest published state row.
func (e *engine) state() layout.State {
	state, _ := e.published()
	return state
}

// record reads the snapshot record; ok is false when there is none.
func (e *engine) record() (r layout.Record, ok bool, err error) {
	b, err := get(e.db, []byte(layout.RecordRow))
	if err != nil || b == nil {
		return r, false, err
	}
	r, err = layout.ParseRecord(b)
	return r, err == nil, err
}

// row returns the row of pkey in state seq, from the cache or from r, which shows the database in that state.
func (e *engine) row(r pebble.Reader, pkey []byte, seq uint64) ([]byte, error) {
	if pkey[0] != layout.TagKey {
		return get(r, pkey)
	}
	if v, known := e.rows.get(pkey, seq); known {
		return v, nil
	}
	v, err := get(r, pkey)
	if err == nil {
		v, err = joinParts(r, pkey, v)
	}
	if err == nil {
		e.rows.fill(pkey, v, seq)
	}
	return v, err
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
