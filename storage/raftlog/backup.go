package raftlog

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Backup makes a copy of the store in dir, which must not be there yet: hard links where the file system has them. The copy is
// a store that Open opens.
func (s *Store) Backup(dir string) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.gate.leave()
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("storage/raftlog: back up to %s: %w", dir, err)
	}
	return nil
}
