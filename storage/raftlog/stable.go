package raftlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Set stores the stable value called key and returns once it is fsynced. It keeps no reference to its arguments.
func (s *Store) Set(key, value []byte) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.gate.leave()
	pkey := stableKey(key)
	if err := s.db.Set(pkey, encodeStable(pkey, value), pebble.Sync); err != nil {
		return fmt.Errorf("storage/raftlog: set %q: %w", key, err)
	}
	return nil
}

// Get returns a copy of the stable value called key. It is nil if there is none, and not nil if it is stored but empty.
func (s *Store) Get(key []byte) ([]byte, error) {
	if err := s.gate.enter(); err != nil {
		return nil, err
	}
	defer s.gate.leave()
	pkey := stableKey(key)
	v, err := s.readRow(pkey)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		v, err = decodeStable(pkey, v)
	}
	if err != nil {
		return nil, fmt.Errorf("storage/raftlog: get %q: %w", key, err)
	}
	return v, nil
}

// SetUint64 stores a number as the stable value called key and returns once it is fsynced.
func (s *Store) SetUint64(key []byte, value uint64) error {
	return s.Set(key, binary.BigEndian.AppendUint64(nil, value))
}

// GetUint64 returns the number that SetUint64 stored as key, or 0 if there is none.
func (s *Store) GetUint64(key []byte) (uint64, error) {
	v, err := s.Get(key)
	if err != nil || v == nil {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("storage/raftlog: get %q: a value of %d bytes is not a number", key, len(v))
	}
	return binary.BigEndian.Uint64(v), nil
}

// StableValues calls fn with the key and the value of every stable value, in the order of their keys. fn may keep them;
// its error ends the walk and is returned as it is.
func (s *Store) StableValues(fn func(key, value []byte) error) error {
	if err := s.gate.enter(); err != nil {
		return err
	}
	defer s.gate.leave()
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: stablesBegin(), UpperBound: stablesEnd()})
	if err != nil {
		return fmt.Errorf("storage/raftlog: stable values: %w", markCorrupt(err))
	}
	defer iter.Close()
	for iter.First(); iter.Valid(); iter.Next() {
		v, err := iter.ValueAndErr()
		if err != nil {
			return fmt.Errorf("storage/raftlog: stable values: %w", markCorrupt(err))
		}
		pkey := bytes.Clone(iter.Key())
		value, err := decodeStable(pkey, bytes.Clone(v))
		if err != nil {
			return fmt.Errorf("storage/raftlog: stable value %q: %w", pkey[1:], err)
		}
		if err := fn(pkey[1:], value); err != nil {
			return err
		}
	}
	if err := iter.Error(); err != nil {
		return fmt.Errorf("storage/raftlog: stable values: %w", markCorrupt(err))
	}
	return nil
}
