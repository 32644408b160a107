// Package raftlog keeps what Raft may not lose: its log in files of Pebble's write-ahead log, and its few stable
// values in a Pebble database.
//
// A Store implements raft.LogStore, raft.MonotonicLogStore and raft.StableStore. StoreLogs, Set and SetUint64 return
// after the sync; AppendLogs, for a leader that knows what it may not say before, returns earlier and tells of it. A
// disk that fails a sync ends the process (see logger.Fatalf), because a log that is unsure about its own tail may
// not vote.
//
// # The log in memory and the log on disk
//
// The log is one run of indexes without holes, [first, last], held in memory, so that FirstIndex and LastIndex cost
// nothing. Raft compacts its log after every snapshot, which with Cairn's defaults is every ten entries. So a
// compaction only moves first, in memory, and the entries before it wait:
//
//	physical         first                     last
//	   | waiting ...... | the log ............... |
//	   '-- on disk, no longer part of the log ----'
//
// Once Options.TruncateEvery entries wait that Options.Durable allows to go, one record says that those are gone, and
// files that hold nothing else are used again. After a restart first is physical again: FirstIndex may go back by
// what waits (after a crash by a few more, because that record is not synced). Raft does not mind entries that it has
// compacted already; it compacts them once more.
//
// # What a crash can leave
//
// The records of the files are replayed in order (journal, replay), so after a crash the log is what some prefix of
// them made it, and that prefix holds at least every synced record. Each operation is one record, hence wholly there
// or not at all, but for appends of more than recordBytes. Removing the head of the log is the one operation that
// another database must agree to: the state it led to has to be durable first. The state becomes so when it suits it,
// and the log asks how far it is: that is Options.Durable. Only when all of the log is to go, it makes it so: that is
// Options.BeforeTruncate.
package raftlog

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
	"github.com/hashicorp/raft"

	"cairn/storage/background"
)

var (
	// ErrCorrupt is wrapped by every error that means bytes on disk are not what was written, or are missing.
	ErrCorrupt = errors.New("raft log is corrupt")

	// ErrUnknownFormat is returned for a value that is intact but was written in a format this version does not know.
	ErrUnknownFormat = errors.New("raft log value has an unknown format")

	// ErrGap is returned when an append or a deletion would leave a hole in the log, or would overwrite an entry.
	ErrGap = errors.New("raft log must stay contiguous")

	// ErrReadOnly is returned by every writing method of a store that was opened with Options.ReadOnly.
	ErrReadOnly = errors.New("raft log is open read-only")

	// ErrClosed is returned by every method but FirstIndex and LastIndex once Close was called.
	ErrClosed = errors.New("raft log is closed")
)

var (
	_ raft.LogStore          = (*Store)(nil)
	_ raft.MonotonicLogStore = (*Store)(nil)
	_ raft.StableStore       = (*Store)(nil)
)

// Store is Raft's log store and stable store. Its methods may be called from many goroutines at once.
type Store struct {
	db         *pebble.DB
	background *background.Work
	dir        string
	opts       Options
	cache      *cache
	journal    *journal
	spare      *spare
	gate       gate
	watch      io.Closer // of slow disk operations

	syncing chan syncing // what AppendLogs has begun, oldest first
	telling sync.WaitGroup

	// first and last are the bounds of the log, both 0 when it is empty. They change only under mu, and only after
	// the disk has; readers load them without it.
	first, last atomic.Uint64
	size        atomic.Int64 // see Size

	truncating sync.Mutex // held for a whole DeleteRange; taken before mu
	oldest     wal.NumWAL // file that is there, as the row says; guarded by truncating
	mu         struct {
		sync.Mutex
		physical uint64 // index of the oldest entry on disk that is not said to be gone, 0 when there is none; at most first
	}

	closeOnce sync.Once
	closeErr  error
}

// Open opens the store in dir and creates it if it is not there, unless o.ReadOnly is set. It takes Pebble's lock on
// dir, so a store is open once at a time. Damaged files are reported as ErrCorrupt.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("storage/raftlog: open %s: %w", dir, err)
	}
	if !o.ReadOnly {
		if err := background.CheckSpace(o.FS, dir, o.openBytes(dir)); err != nil {
			return nil, fmt.Errorf("storage/raftlog: open %s: %w", dir, err)
		}
	}
	p := o.pebble()
	work := background.New(p, logger{o.Logger}.Errorf)
	db, err := pebble.Open(dir, p)
	if err != nil {
		return nil, fmt.Errorf("storage/raftlog: open %s: %w", dir, markCorrupt(err))
	}
	work.Start()
	s := &Store{db: db, background: work, dir: dir, opts: o, spare: newSpare(o, dir), cache: newCache(o.CacheEntries, o.CacheBytes)}
	if err := s.openJournal(spareFS{s.watched(), s.spare}); err != nil {
		return nil, errors.Join(fmt.Errorf("storage/raftlog: open %s: %w", dir, err), s.journal.closeFiles(), s.watch.Close(), db.Close())
	}
	s.syncing = make(chan syncing, maxSyncing)
	s.telling.Go(s.tellSynced)
	if (o.SpareLogs || o.FS == vfs.Default) && !o.ReadOnly {
		s.spare.start()
	}
	return s, nil
}

// watched returns the file system, which reports slow operations of a real disk.
func (s *Store) watched() vfs.FS {
	s.watch = io.NopCloser(nil)
	if s.opts.FS != vfs.Default {
		return s.opts.FS
	}
	fs, watch := vfs.WithDiskHealthChecks(s.opts.FS, slowDisk, nil, logger{s.opts.Logger}.diskSlow)
	s.watch = watch
	return fs
}

// slowDisk is how long an operation of the disk takes that is reported.
const slowDisk = 5 * time.Second

// FirstIndex returns the index of the oldest entry of the log, or 0 if it is empty. It never fails. After a restart it
// may be lower than before, see the package comment.
func (s *Store) FirstIndex() (uint64, error) { return s.first.Load(), nil }

// LastIndex returns the index of the newest entry of the log, or 0 if it is empty. It never fails.
func (s *Store) LastIndex() (uint64, error) { return s.last.Load(), nil }

// Disk returns how many bytes are free on the file system that the log is on, and how many it has; both 0 where it
// does not say.
func (s *Store) Disk() (free, total uint64) {
	u, err := s.opts.FS.GetDiskUsage(s.dir)
	if err != nil {
		return 0, 0
	}
	return u.AvailBytes, u.TotalBytes
}

// IsMonotonic returns true: the log has no holes. Raft therefore empties it after restoring a snapshot instead of
// leaving a gap, which is also what saves a follower with divergent entries from hashicorp/raft issue 697.
func (s *Store) IsMonotonic() bool { return true }

// Close waits for the calls that are under way and closes the database. Later calls return the same result.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.gate.shut()
		close(s.syncing)
		s.telling.Wait()
		s.spare.stopMaking()
		s.background.End()
		if err := errors.Join(s.journal.closeFiles(), s.watch.Close(), s.db.Close()); err != nil {
			s.closeErr = fmt.Errorf("storage/raftlog: close: %w", err)
		}
	})
	return s.closeErr
}

// markCorrupt adds ErrCorrupt to those errors of Pebble that mean damaged files.
func markCorrupt(err error) error {
	if err != nil && pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}
