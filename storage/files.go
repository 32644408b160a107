package storage

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The folder of a store:
//
//	LOCK            held by the process that has it open
//	CURRENT         the name of the engine's folder; replaced by one rename
//	state-000001/   the Pebble database that CURRENT names
//	stage-000002/   a state being received; gone after a restart unless CURRENT names it
//	checkpoint-…/   a state being sent; gone after a restart
const (
	currentFile      = "CURRENT"
	firstEngine      = "state-000001"
	stagePrefix      = "stage-"
	checkpointPrefix = "checkpoint-"
	enginePrefix     = "state-"
)

// current reads which folder is the store, and makes a new store's CURRENT.
func (s *Store) current() (string, error) {
	f, err := s.o.FS.Open(s.path(currentFile))
	if err != nil {
		if s.o.ReadOnly {
			return "", fmt.Errorf("%w: %s", ErrNoStore, s.dir)
		}
		return firstEngine, s.setCurrent(firstEngine)
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("storage: read %s: %w", currentFile, err)
	}
	name := strings.TrimSpace(string(b))
	if name == "" || name != s.o.FS.PathBase(name) {
		return "", fmt.Errorf("storage: %s says %q, which is no folder of a store", s.path(currentFile), name)
	}
	return name, nil
}

// setCurrent makes name the store, durably and at once: a crash leaves the old or the new.
func (s *Store) setCurrent(name string) error {
	if err := WriteFile(s.o.FS, s.path(currentFile), []byte(name+"\n")); err != nil {
		return fmt.Errorf("storage: set current: %w", err)
	}
	return nil
}

// WriteFile replaces a file with data, durably and atomically.
func WriteFile(fs FS, path string, data []byte) error {
	tmp := path + ".tmp"
	f, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(fs, fs.PathDir(path))
}

// ReadFile returns the bytes of a file of fs.
func ReadFile(fs FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

func syncDir(fs FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeLeftovers deletes every folder of ours that is not the store.
func (s *Store) removeLeftovers(current string) error {
	names, err := s.o.FS.List(s.dir)
	if err != nil {
		return fmt.Errorf("storage: list %s: %w", s.dir, err)
	}
	for _, name := range names {
		ours := slices.ContainsFunc([]string{enginePrefix, stagePrefix, checkpointPrefix}, func(p string) bool {
			return strings.HasPrefix(name, p)
		})
		if !ours || name == current {
			continue
		}
		if err := s.o.FS.RemoveAll(s.path(name)); err != nil {
			return fmt.Errorf("storage: remove leftover %s: %w", name, err)
		}
	}
	return nil
}

// freshName returns a folder name with this prefix that the store has not used since it was opened.
func (s *Store) freshName(prefix string) string {
	return fmt.Sprintf("%s%06d", prefix, s.names.Add(1))
}
