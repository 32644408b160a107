package raftlog

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
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
	if s.cache.get(index, log) {
		return nil
	}
	err := s.readEntry(index, log)
	if errors.Is(err, pebble.ErrNotFound) {
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
	err := s.readEntry(index, log)
	if errors.Is(err, pebble.ErrNotFound) {
		return fmt.Errorf("storage/raftlog: get: %w: entry %d is missing", ErrCorrupt, index)
	}
	return err
}

// contains reports whether the entry at index is part of the log.
func (s *Store) contains(index uint64) bool {
	first := s.first.Load()
	return first != 0 && index >= first && index <= s.last.Load()
}

// readEntry reads an entry from Pebble, or returns an error that wraps pebble.ErrNotFound.
func (s *Store) readEntry(index uint64, log *raft.Log) error {
	pkey := entryKey(index)
	value, err := s.read(pkey)
	if err != nil {
		return fmt.Errorf("storage/raftlog: get entry %d: %w", index, err)
	}
	decoded, err := decodeEntry(pkey, value)
	if err != nil {
		return fmt.Errorf("storage/raftlog: get: %w", err)
	}
	*log = decoded
	return nil
}

// read returns a copy of the value of pkey.
func (s *Store) read(pkey []byte) ([]byte, error) {
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
	iter, lo, hi, err := s.entriesIter(lo, hi)
	if err != nil || iter == nil {
		return err
	}
	defer iter.Close()
	next := lo
	for iter.First(); iter.Valid(); iter.Next() {
		log, err := decodeNext(iter, next)
		if err != nil {
			return fmt.Errorf("storage/raftlog: entries: %w", err)
		}
		if err := fn(log); err != nil {
			return err
		}
		next++
	}
	if err := iter.Error(); err != nil {
		return fmt.Errorf("storage/raftlog: entries: entry %d: %w", next, markCorrupt(err))
	}
	if next != hi+1 {
		return fmt.Errorf("storage/raftlog: entries: %w: entry %d is missing", ErrCorrupt, next)
	}
	return nil
}

// entriesIter returns an iterator over the part of [lo, hi] that the log contains, and that part; nil if there is none.
func (s *Store) entriesIter(lo, hi uint64) (*pebble.Iterator, uint64, uint64, error) {
	s.mu.Lock() // the bounds and the iterator must be of one moment
	defer s.mu.Unlock()
	first := s.first.Load()
	lo, hi = max(lo, first), min(hi, s.last.Load())
	if first == 0 || lo > hi {
		return nil, 0, 0, nil
	}
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: entryKey(lo), UpperBound: entryKeyAfter(hi)})
	if err != nil {
		return nil, 0, 0, fmt.Errorf("storage/raftlog: entries: %w", markCorrupt(err))
	}
	return iter, lo, hi, nil
}

// decodeNext returns a copy of the entry under iter, which must have index next.
func decodeNext(iter *pebble.Iterator, next uint64) (*raft.Log, error) {
	index, err := decodeEntryKey(iter.Key())
	if err != nil {
		return nil, err
	}
	if index != next {
		return nil, fmt.Errorf("%w: entry %d is missing", ErrCorrupt, next)
	}
	value, err := iter.ValueAndErr()
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", index, markCorrupt(err))
	}
	log, err := decodeEntry(iter.Key(), bytes.Clone(value))
	if err != nil {
		return nil, err
	}
	return &log, nil
}
