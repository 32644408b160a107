package raftlog

import (
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2/wal"
)

// cut says which part of the log a deletion takes.
type cut int

const (
	cutNothing cut = iota
	cutHead
	cutTail
	cutAll
	cutMiddle
)

// DeleteRange removes the entries from lo to hi, both included; indexes outside of the log are ignored. What happens
// depends on where they are:
//
//   - At the head (log compaction) they leave the log at once and the disk later, many together; see the package
//     comment. The deletion is not synced, so a crash may bring them back.
//   - At the tail (conflict with the leader) they are gone for good when it returns.
//   - All of them (after a snapshot was restored) likewise. The next entry may then have any index.
//   - In the middle: ErrGap.
//
// What Options.Durable does not cover stays on the disk. Options.BeforeTruncate is called before all of the log
// leaves it; if it fails, nothing is removed.
func (s *Store) DeleteRange(lo, hi uint64) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.gate.leave()
	s.truncating.Lock()
	defer s.truncating.Unlock()
	for durable := false; ; durable = true {
		done, oldest, err := s.tryDelete(lo, hi, durable)
		if err != nil {
			return fmt.Errorf("storage/raftlog: delete %d..%d: %w", lo, hi, err)
		}
		if done {
			return s.dropFiles(oldest)
		}
		// Not under mu: appends go on while the state is synced.
		if err := s.opts.BeforeTruncate(); err != nil {
			return fmt.Errorf("storage/raftlog: delete %d..%d: before truncation: %w", lo, hi, err)
		}
	}
}

// DropBehind empties the log if it ends before snapshotIndex. It is called after Open and before raft.NewRaft, with the
// index of the newest snapshot. After it has restored a snapshot, Raft empties the log; only a crash before that, or a
// failure of it, which Raft merely logs, makes this call necessary. hashicorp/raft does not repair that by itself, and
// every append after the snapshot would be ErrGap for ever.
func (s *Store) DropBehind(snapshotIndex uint64) error {
	first, last := s.first.Load(), s.last.Load()
	if last >= snapshotIndex {
		return nil
	}
	return s.DeleteRange(first, last)
}

// tryDelete removes the entries from lo to hi. It does nothing and returns false if all of the log would leave the
// disk and durable does not say that BeforeTruncate was called. oldest is the oldest file that the log needs then.
func (s *Store) tryDelete(lo, hi uint64, durable bool) (done bool, oldest wal.NumWAL, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if done, err = s.tryDeleteLocked(lo, hi, durable); done {
		oldest = s.journal.oldest()
		s.size.Store(s.journal.size())
	}
	return done, oldest, err
}

func (s *Store) tryDeleteLocked(lo, hi uint64, durable bool) (done bool, err error) {
	first, last := s.first.Load(), s.last.Load()
	switch planCut(first, last, lo, hi) {
	case cutHead:
		if err := s.cutHeadLocked(hi+1, last); err != nil {
			return false, err
		}
	case cutTail:
		if err := s.remove(entryKey(lo), entriesEnd(), new(pending)); err != nil {
			return false, err
		}
		s.setBoundsLocked(s.mu.physical, first, lo-1)
	case cutAll:
		if !durable {
			return false, nil
		}
		if err := s.remove(entriesBegin(), entriesEnd(), new(pending)); err != nil {
			return false, err
		}
		s.setBoundsLocked(0, 0, 0)
	case cutMiddle:
		return false, fmt.Errorf("%w: the log is %d..%d", ErrGap, first, last)
	}
	return true, nil
}

// cutHeadLocked makes first the beginning of the log. Of what comes before, that leaves the disk which may, if it is
// much or a file's last.
func (s *Store) cutHeadLocked(first, last uint64) error {
	physical := s.mu.physical
	end := min(first-1, s.opts.Durable()) + 1
	if end >= physical+s.opts.TruncateEvery || s.journal.frees(end) {
		// Not synced: the sync of the next append covers it, and until then a crash only brings entries back.
		if err := s.remove(entryKey(physical), entryKey(end), nil); err != nil {
			return err
		}
		physical = end
	}
	s.setBoundsLocked(physical, first, last)
	return nil
}

// Reclaim takes off the disk what has left the log and could not leave the disk then: Options.Durable may say more now.
func (s *Store) Reclaim() error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.gate.leave()
	s.truncating.Lock()
	defer s.truncating.Unlock()
	oldest, err := s.tryReclaim()
	if err == nil {
		err = s.dropFiles(oldest)
	}
	if err != nil {
		return fmt.Errorf("storage/raftlog: reclaim: %w", err)
	}
	return nil
}

func (s *Store) tryReclaim() (oldest wal.NumWAL, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.first.Load(); first > s.mu.physical {
		err = s.cutHeadLocked(first, s.last.Load())
	}
	s.size.Store(s.journal.size())
	return s.journal.oldest(), err
}

// Size returns how long the files are, together, that the log needs. Those that are kept to be used again are not
// among them, some 200 MB. It waits for nothing.
func (s *Store) Size() int64 { return s.size.Load() }

// Within returns how many of the newest entries are in the newest files that are at most so long together, with the
// one that is being written; math.MaxUint64 when those are all files.
func (s *Store) Within(bytes int64) (entries uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.journal.since(bytes); first > 0 {
		return s.last.Load() + 1 - first
	}
	return math.MaxUint64
}

// remove writes that the entries in [lo, hi) are gone, and waits for p, if there is one.
func (s *Store) remove(lo, hi []byte, p *pending) error {
	b := s.db.NewBatch()
	if err := b.DeleteRange(lo, hi, nil); err != nil {
		return errors.Join(err, b.Close())
	}
	s.journal.writeRecord(b, p)
	if p != nil {
		s.journal.await(p)
	}
	return nil
}

// setBoundsLocked publishes new bounds once the disk agrees with them.
func (s *Store) setBoundsLocked(physical, first, last uint64) {
	s.mu.physical = physical
	s.first.Store(first)
	s.last.Store(last)
	s.cache.retain(first, last)
	s.journal.trimLocations(physical, last)
}

// planCut returns which part of the log [first, last], empty if first is 0, the range [lo, hi] covers.
func planCut(first, last, lo, hi uint64) cut {
	lo, hi = max(lo, first), min(hi, last)
	switch {
	case first == 0 || lo > hi:
		return cutNothing
	case lo == first && hi == last:
		return cutAll
	case lo == first:
		return cutHead
	case hi == last:
		return cutTail
	}
	return cutMiddle
}
