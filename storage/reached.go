package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
)

// reached is the file in an engine's folder that says how far the state has got, while its rows wait in memory and in
// Pebble's log: a Raft log that has lost its end shows by that. It is written over after commits and not synced: what
// it says is in the Raft log, on disk, whatever a power cut leaves of the file.
type reached struct {
	file  vfs.File // nil when the store is only read
	found uint64   // what it said when it was opened, 0 when it said nothing
	grown chan struct{}
}

// reachedFile is its name. Pebble leaves files alone that it does not know.
const reachedFile = "REACHED"

// openReached opens the file in an engine's folder, which it makes.
func (s *Store) openReached(engine string) (r reached, err error) {
	r.grown = make(chan struct{}, 1)
	path := s.o.FS.PathJoin(s.path(engine), reachedFile)
	file, err := vfs.File(nil), error(nil)
	if s.o.ReadOnly {
		file, err = s.o.FS.Open(path)
	} else {
		file, err = s.o.FS.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	}
	if s.o.ReadOnly && errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("storage: open %s: %w", path, err)
	}
	b := make([]byte, layout.ReachedLen)
	if _, err = file.ReadAt(b, 0); err == nil {
		r.found = layout.ParseReached(b)
	}
	if err == io.EOF {
		err = nil
	}
	if s.o.ReadOnly {
		return r, errors.Join(err, file.Close())
	}
	r.file = file
	if err != nil {
		err = errors.Join(fmt.Errorf("storage: read %s: %w", path, err), file.Close())
	}
	return r, err
}

// noteReached writes the file each time the state has got further. Without it the node does as well, so an error ends
// that only.
func (e *engine) noteReached(log *slog.Logger) {
	for {
		select {
		case <-e.reached.grown:
		case <-e.ending:
			return
		}
		if _, err := e.reached.file.WriteAt(layout.AppendReached(nil, e.state().Index), 0); err != nil {
			log.Error("how far the state has got cannot be noted any more", "err", err)
			return
		}
	}
}

// Reached returns the newest entry that is known to have been committed: the state's, or a later one when a crash has
// taken the state back. It was in the Raft log then, and must be there now.
func (s *Store) Reached() (index uint64, err error) {
	e, err := s.retain()
	if err != nil {
		return 0, err
	}
	defer e.users.Done()
	return max(e.reached.found, e.state().Index), nil
}
