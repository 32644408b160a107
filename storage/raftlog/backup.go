package raftlog

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// Backup makes a copy of the store in dir, which must not be there yet. The copy is a store that Open opens.
func (s *Store) Backup(dir string) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.gate.leave()
	if err := s.backUp(dir); err != nil {
		return fmt.Errorf("storage/raftlog: back up to %s: %w", dir, err)
	}
	return nil
}

func (s *Store) backUp(dir string) error {
	s.truncating.Lock() // no file goes, or is written over
	defer s.truncating.Unlock()
	s.mu.Lock() // the entries of the copy are not newer than its stable values
	defer s.mu.Unlock()
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return err
	}
	j := s.journal
	oldest, newest := s.oldest, j.num
	j.rotate() // what is copied is whole
	entries := s.opts.FS.PathJoin(dir, entriesDir)
	if err := s.opts.FS.MkdirAll(entries, 0o755); err != nil {
		return err
	}
	var err error
	for num := oldest; num <= newest && err == nil; num++ {
		// No link: the file will be written over.
		err = vfs.Copy(s.opts.FS, j.path(num), s.opts.FS.PathJoin(entries, fileName(num)))
	}
	return errors.Join(err, syncDir(s.opts.FS, entries), syncDir(s.opts.FS, dir))
}

// fileName is what Pebble calls a file of its log.
func fileName(num wal.NumWAL) string { return num.String() + ".log" }
