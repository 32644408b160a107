package raftlog

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

// GetLog fills log with the entry at index. It returns raft.ErrLogNotFound itself, not wrapped, if the log does not
// contain it, because Raft compares with ==. Data and extensions never alias Pebble's memory, but other readers may
// share them: they must not be changed. They are nil if they are empty.
func (s *Store) GetLog(index uint64, log *raft.Log) error {
	if err := s.gate.enter(); err != nil {
		return err
	}
	defer s.gate.leave()
	if !s.contains(index) {
		return raft.ErrLogNotFound
	}
	if s.cache.getEntry(index, log) {
		return nil
	}
	found, err := s.readEntry(index, log)
	if err == nil && !found {
		return s.readMissing(index, log)
	}
	return err
}

// readMissing tells an entry that is missing from one that was deleted after GetLog had looked at the bounds: under mu
// no deletion can come in between.
func (s *Store) readMissing(index uint64, log *raft.Log) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.contains(index) {
		return raft.ErrLogNotFound
	}
	found, err := s.readEntry(index, log)
	if err == nil && !found {
		return fmt.Errorf("storage/raftlog: get: %w: entry %d is missing", ErrCorrupt, index)
	}
	return err
}

// contains reports whether the entry at index is part of the log.
func (s *Store) contains(index uint64) bool {
	first := s.first.Load()
	return first != 0 && index >= first && index <= s.last.Load()
}

// readEntry reads an entry from its file, if one is known to have it.
func (s *Store) readEntry(index uint64, log *raft.Log) (found bool, err error) {
	got, found, err := s.journal.readEntry(index)
	if err != nil {
		return found, fmt.Errorf("storage/raftlog: get entry %d: %w", index, err)
	}
	if found {
		*log = got
	}
	return found, nil
}

// readRow returns a copy of the value of pkey.
func (s *Store) readRow(pkey []byte) ([]byte, error) {
	value, closer, err := s.db.Get(pkey)
	if err != nil {
		return nil, markCorrupt(err)
	}
	defer closer.Close()
	return bytes.Clone(value), nil
}

// Entries calls fn with every entry from lo to hi, both included, that the log contains, in order, as they were when it
// was called. fn may keep the entry and may read the store, but must not close it; its error ends the walk and is
// returned as it is. A damaged or missing entry is ErrCorrupt; whoever wants the entries behind it starts again there.
func (s *Store) Entries(lo, hi uint64, fn func(*raft.Log) error) error {
	if err := s.gate.enter(); err != nil {
		return err
	}
	defer s.gate.leave()
	s.journal.walks.Add(1)
	defer s.journal.walks.Add(-1)
	locations, lo, hi := s.locationsOf(lo, hi)
	for {
		i := slices.IndexFunc(locations, func(p location) bool { return p.whole })
		if i < 0 {
			break
		}
		found, err := s.journal.readLocations(locations[i])
		if err != nil {
			return fmt.Errorf("storage/raftlog: entries: %w", err)
		}
		locations = slices.Replace(locations, i, i+1, found...)
	}
	next := lo
	for _, p := range locations {
		logs, err := s.journal.readRecord(p)
		if err != nil {
			return fmt.Errorf("storage/raftlog: entries: %w", err)
		}
		for ; next <= min(p.last, hi); next++ {
			log, ok := logAt(logs, next)
			if !ok {
				return fmt.Errorf("storage/raftlog: entries: %w: entry %d is missing", ErrCorrupt, next)
			}
			if err := fn(&log); err != nil {
				return err
			}
		}
	}
	if len(locations) > 0 && next != hi+1 {
		return fmt.Errorf("storage/raftlog: entries: %w: entry %d is missing", ErrCorrupt, next)
	}
	return nil
}

// locationsOf returns where the part of [lo, hi] is that the log contains, and that part.
func (s *Store) locationsOf(lo, hi uint64) ([]location, uint64, uint64) {
	s.mu.Lock() // the bounds and the locations must be of one moment
	defer s.mu.Unlock()
	first := s.first.Load()
	lo, hi = max(lo, first), min(hi, s.last.Load())
	if first == 0 || lo > hi {
		return nil, 0, 0
	}
	return s.journal.between(lo, hi), lo, hi
}
