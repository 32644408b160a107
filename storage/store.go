// Package storage keeps the keyspace in Pebble: one writer's transactions, point-in-time views, and checkpoints that a
// follower is caught up with.
//
// The promise everything above rests on: a transaction's data and the log index it brings the store to become
// visible, and durable, together, so the store is at every moment exactly the state at its applied index, after any
// crash too. Commits wait in memory; the Raft log holds what a crash may take. Sync makes all earlier commits
// durable, and must succeed before any entry they came from leaves the log.
package storage

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"cairn/storage/layout"
)

// ErrLocked is returned by Open when the directory is open already, here or in another process.
var ErrLocked = errors.New("storage: the directory is in use")

// ErrNoStore is returned by Open with ReadOnly when the directory holds no store.
var ErrNoStore = errors.New("storage: no store in this directory")

// ErrClosed is returned by every method of a closed store.
var ErrClosed = errors.New("storage: closed")

// Store is the keyspace of one node. One goroutine writes (Begin, Adopt); any number read. The owner calls Close.
type Store struct {
	o     Options
	dir   string
	lock  io.Closer // nil once the store is closed
	cache *pebble.Cache

	adopting sync.Mutex // held by Adopt and Close; taken before mu

	mu struct {
		sync.RWMutex
		engine *engine
		err    error // what every call returns: ErrClosed, or why the store is of no use any more
	}
}

// Open opens the store in dir, creating it when it is not there. It removes what an interrupted checkpoint or restore
// left.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("storage: open %s: %w", dir, err)
	}
	s := &Store{o: o, dir: dir}
	if err := s.lockDir(); err != nil {
		return nil, err
	}
	s.cache = pebble.NewCache(o.CacheBytes)
	if err := s.open(); err != nil {
		s.cache.Unref()
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

func (s *Store) open() error {
	name, err := s.current()
	if err != nil {
		return err
	}
	create := name == ""
	if create {
		// The engine is there before CURRENT names it: an engine that CURRENT names and that is not there is damage.
		name = firstEngine
	}
	if !s.o.ReadOnly {
		if err := s.removeLeftovers(name, create); err != nil {
			return err
		}
	}
	e, err := s.openEngine(name, create)
	if err != nil {
		return err
	}
	if create {
		if err := s.setCurrent(name); err != nil {
			return errors.Join(err, e.shutDown(false))
		}
	}
	s.mu.engine = e
	return nil
}

// retain returns the engine, kept open until the caller calls users.Done.
func (s *Store) retain() (*engine, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.mu.err != nil {
		return nil, s.mu.err
	}
	s.mu.engine.users.Add(1)
	return s.mu.engine, nil
}

// usable returns nil, or what every call returns.
func (s *Store) usable() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.err
}

// State returns what the newest commit left: applied index and term, newest entry time, key counts. It works after
// Close.
func (s *Store) State() layout.State {
	s.mu.RLock()
	e := s.mu.engine
	s.mu.RUnlock()
	return e.state()
}

// RowCacheBytes returns how much memory the cache of rows takes outside of Go's heap. It works after Close.
func (s *Store) RowCacheBytes() int64 {
	s.mu.RLock()
	e := s.mu.engine
	s.mu.RUnlock()
	return e.rows.Used()
}

// Sync returns once every commit and record that was written before the call is on disk.
func (s *Store) Sync() error {
	e, err := s.retain()
	if err != nil {
		return err
	}
	defer e.users.Done()
	if err := e.flush(pebble.Sync, nil); err != nil {
		return fmt.Errorf("storage: sync: %w", err)
	}
	return nil
}

// Busy reports whether rows are being written to Pebble at this moment, or compacted there.
func (s *Store) Busy() bool {
	e, err := s.retain()
	if err != nil {
		return false
	}
	defer e.users.Done()
	return len(e.writing) > 0 || e.background.Busy()
}

// Durable returns the index of the snapshot record that a crash leaves, with the state that it speaks of: the Raft
// log may be cut up to there. It is 0 until the first flush.
func (s *Store) Durable() (index uint64) {
	e, err := s.retain()
	if err != nil {
		return 0
	}
	defer e.users.Done()
	return e.durable.Load()
}

// SaveRecord writes the snapshot record, which must not be ahead of what is committed. It becomes durable with the
// commits that returned before the call, or after them: the record that is found after a crash is one that the data
// had reached.
func (s *Store) SaveRecord(r layout.Record) error {
	e, err := s.retain()
	if err != nil {
		return err
	}
	defer e.users.Done()
	if s.o.ReadOnly {
		return fmt.Errorf("storage: save snapshot record %d: %w", r.Index, pebble.ErrReadOnly)
	}
	return e.saveRecord(r)
}

// Rewind makes r the snapshot record when the Raft log is to begin again behind it, while the state stays where it
// is. It returns once that is on disk, and with it that the log may end before the state: see Restored.
func (s *Store) Rewind(r layout.Record) error {
	e, err := s.retain()
	if err != nil {
		return err
	}
	defer e.users.Done()
	if err := e.restored(r); err != nil {
		return fmt.Errorf("storage: rewind to snapshot record %d: %w", r.Index, err)
	}
	return nil
}

// Restored returns the index to which the last Adopt or Rewind brought the state, 0 when there was none. The Raft log
// was emptied then: while the state is no further, the log may end before it. In all other cases the log holds what
// is applied.
func (s *Store) Restored() (index uint64, err error) {
	e, err := s.retain()
	if err != nil {
		return 0, err
	}
	defer e.users.Done()
	b, err := get(e.db, []byte(layout.RestoredRow))
	if err != nil || b == nil {
		return 0, err
	}
	return layout.ParseRestored(b)
}

// Record returns the snapshot record; ok is false when no snapshot was taken yet.
func (s *Store) Record() (r layout.Record, ok bool, err error) {
	e, err := s.retain()
	if err != nil {
		return r, false, err
	}
	defer e.users.Done()
	return e.record()
}

// Close waits for open views and the transaction, makes every commit durable and closes the store. It is idempotent.
// Checkpoints and stages belong to their callers, who may close them later: the next Open removes what they leave.
func (s *Store) Close() error {
	s.adopting.Lock()
	defer s.adopting.Unlock()
	if s.lock == nil {
		return nil
	}
	s.mu.Lock()
	s.mu.err = ErrClosed
	e := s.mu.engine
	s.mu.Unlock()

	err := e.shutDown(true)
	s.cache.Unref()
	if err := errors.Join(err, s.lock.Close()); err != nil {
		s.lock = nil
		return fmt.Errorf("storage: close %s: %w", s.dir, err)
	}
	s.lock = nil
	return nil
}
