// Package storage keeps the keyspace in Pebble: one writer's transactions, point-in-time views, and checkpoints that a
// follower is caught up with.
//
// The promise everything above rests on: a transaction's data and the log index it brings the store to are in one Pebble
// batch, so the store is at every moment exactly the state at its applied index, after any crash too. Commits are not
// synced; the Raft log holds what a crash may take. Sync makes all earlier commits durable, and must succeed before any
// entry they came from leaves the log.
package storage

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
)

// FS is the file system a store lives on. Tests pass a crashable one.
type FS = vfs.FS

// ErrLocked is returned by Open when another process holds the directory.
var ErrLocked = errors.New("storage: the directory is in use by another process")

// ErrNoStore is returned by Open with ReadOnly when the directory holds no store.
var ErrNoStore = errors.New("storage: no store in this directory")

// Options configures a Store. The zero value of a field means its default.
type Options struct {
	FS            FS           // default: the operating system's
	CacheBytes    int64        // block cache; default 64 MiB
	MemTableBytes uint64       // default 32 MiB
	ReadOnly      bool         // for looking at a stopped node's store; no write works
	Logger        *slog.Logger // default: discards
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 32 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Store is the keyspace of one node. One goroutine writes (Begin, Adopt); any number read. The owner calls Close.
type Store struct {
	o    Options
	dir  string
	lock io.Closer

	names atomic.Uint64 // counts the folder names given out; see freshName

	mu struct {
		sync.RWMutex
		engine *engine
		state  layout.State // what the newest commit wrote
		closed bool
	}
}

// engine is one open Pebble database. Adopt replaces it while views of the old one may still be read.
type engine struct {
	db    *pebble.DB
	name  string // the folder inside dir
	views sync.WaitGroup
}

// Open opens the store in dir, creating it when it is not there. It removes what an interrupted checkpoint or restore left.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	s := &Store{o: o, dir: dir}
	if err := s.lockDir(); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.unlock())
	}
	return s, nil
}

func (s *Store) lockDir() (err error) {
	if !s.o.ReadOnly {
		if err := MkdirAll(s.o.FS, s.dir); err != nil {
			return err
		}
	} else if _, err := s.o.FS.Stat(s.path(currentFile)); err != nil {
		return fmt.Errorf("%w: %s", ErrNoStore, s.dir)
	}
	if s.lock, err = s.o.FS.Lock(s.path("LOCK")); err != nil {
		return fmt.Errorf("%w: %s (%v)", ErrLocked, s.dir, err)
	}
	return nil
}

func (s *Store) unlock() error {
	if s.lock == nil {
		return nil
	}
	defer func() { s.lock = nil }()
	return s.lock.Close()
}

func (s *Store) open() error {
	name, err := s.current()
	if err != nil {
		return err
	}
	if !s.o.ReadOnly {
		if err := s.removeLeftovers(name); err != nil {
			return err
		}
	}
	e, err := s.openEngine(name)
	if err != nil {
		return err
	}
	state, err := e.state()
	if err != nil {
		return errors.Join(err, e.db.Close())
	}
	s.mu.engine, s.mu.state = e, state
	if n, err := strconv.ParseUint(name[strings.LastIndexByte(name, '-')+1:], 10, 64); err == nil {
		s.names.Store(n)
	}
	return nil
}

func (s *Store) openEngine(name string) (*engine, error) {
	cache := pebble.NewCache(s.o.CacheBytes)
	defer cache.Unref()
	o := &pebble.Options{
		FS:                 s.o.FS,
		Cache:              cache,
		MemTableSize:       s.o.MemTableBytes,
		ReadOnly:           s.o.ReadOnly,
		Logger:             pebbleLogger{s.o.Logger},
		FormatMajorVersion: pebble.FormatNewest,
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // a SET of a new key asks once; most tables can say no
	}
	db, err := pebble.Open(s.path(name), o)
	if err != nil {
		return nil, fmt.Errorf("storage: open %s: %w", s.path(name), err)
	}
	return &engine{db: db, name: name}, nil
}

// state reads the state row; an empty database gives the state of an empty store.
func (e *engine) state() (layout.State, error) {
	b, err := get(e.db, []byte(layout.StateRow))
	if err != nil || b == nil {
		return layout.NewState(), err
	}
	return layout.ParseState(b)
}

func (s *Store) path(name string) string { return s.o.FS.PathJoin(s.dir, name) }

// State returns what the newest commit left: applied index and term, newest entry time, key counts.
func (s *Store) State() layout.State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.state
}

// Sync returns once every commit made before the call is on disk.
func (s *Store) Sync() error {
	e, err := s.retain()
	if err != nil {
		return err
	}
	defer e.views.Done()
	if err := e.db.LogData(nil, pebble.Sync); err != nil {
		return fmt.Errorf("storage: sync: %w", err)
	}
	return nil
}

// SaveRecord writes the snapshot record. It is not synced: Pebble's log keeps it behind the data it covers, so after any
// crash the record that is found is one that the data had reached.
func (s *Store) SaveRecord(r layout.Record) error {
	e, err := s.retain()
	if err != nil {
		return err
	}
	defer e.views.Done()
	if err := e.db.Set([]byte(layout.RecordRow), layout.AppendRecord(nil, r), pebble.NoSync); err != nil {
		return fmt.Errorf("storage: save snapshot record %d: %w", r.Index, err)
	}
	return nil
}

// Record returns the snapshot record; ok is false when no snapshot was taken yet.
func (s *Store) Record() (r layout.Record, ok bool, err error) {
	e, err := s.retain()
	if err != nil {
		return r, false, err
	}
	defer e.views.Done()
	b, err := get(e.db, []byte(layout.RecordRow))
	if err != nil || b == nil {
		return r, false, err
	}
	r, err = layout.ParseRecord(b)
	return r, err == nil, err
}

// ErrClosed is returned by every method of a closed store.
var ErrClosed = errors.New("storage: closed")

// retain returns the engine, kept open until the caller calls views.Done.
func (s *Store) retain() (*engine, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.mu.closed {
		return nil, ErrClosed
	}
	s.mu.engine.views.Add(1)
	return s.mu.engine, nil
}

// Close waits for open views, makes every commit durable and closes the store. It is idempotent.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.mu.closed {
		s.mu.Unlock()
		return nil
	}
	s.mu.closed = true
	e := s.mu.engine
	s.mu.Unlock()

	e.views.Wait()
	if err := errors.Join(e.db.Close(), s.unlock()); err != nil {
		return fmt.Errorf("storage: close %s: %w", s.dir, err)
	}
	return nil
}

// get returns a copy of the value of key, nil when it is absent.
func get(r pebble.Reader, key []byte) ([]byte, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("storage: get: %w", err)
	}
	b := append(make([]byte, 0, len(v)), v...)
	return b, closer.Close()
}

// pebbleLogger hands Pebble's own log lines on.
type pebbleLogger struct{ l *slog.Logger }

func (p pebbleLogger) Infof(format string, args ...any) {
	p.l.Debug("pebble", "line", fmt.Sprintf(format, args...))
}
func (p pebbleLogger) Errorf(format string, args ...any) {
	p.l.Error("pebble", "line", fmt.Sprintf(format, args...))
}

// Fatalf must not return: Pebble calls it when its own log cannot be written, and nothing after that can be promised.
func (p pebbleLogger) Fatalf(format string, args ...any) {
	panic("storage: " + fmt.Sprintf(format, args...))
}
