package storage

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
)

// The folder of a store:
//
//	LOCK                          held by the process that has it open
//	CURRENT                       the name of the engine's folder; replaced by one rename
//	state-000001/                 the Pebble database that CURRENT names, and REACHED, see reached
//	state-29f7c3a1b6d0e845/       a state being received; gone after a restart unless CURRENT names it
//	checkpoint-6b1e0f9a44d2c371/  a state being sent; gone after a restart
//
// Names are random, so that a stage or checkpoint that outlives its store never meets one of the next.
const (
	lockFile         = "LOCK"
	currentFile      = "CURRENT"
	tmpSuffix        = ".tmp" // of a file that WriteFile has not finished
	enginePrefix     = "state-"
	firstEngine      = enginePrefix + "000001"
	checkpointPrefix = "checkpoint-"
)

func (s *Store) path(name string) string { return s.o.FS.PathJoin(s.dir, name) }

func freshName(prefix string) string { return fmt.Sprintf("%s%016x", prefix, rand.Uint64()) }

// lockDir takes the lock on the store's folder, which it makes unless the store is only read.
func (s *Store) lockDir() error {
	if s.o.ReadOnly {
		if _, err := s.current(); err != nil {
			return err
		}
	} else if err := MkdirAll(s.o.FS, s.dir); err != nil {
		return err
	}
	lock, err := s.o.FS.Lock(s.path(lockFile))
	if file := (*iofs.PathError)(nil); errors.As(err, &file) {
		return fmt.Errorf("storage: lock %s: %w", s.dir, err) // the file could not even be made
	}
	if err != nil {
		return fmt.Errorf("%w%s: %s: %w", ErrLocked, s.holder(), s.dir, err)
	}
	s.lock = lock
	return nil
}

// holder returns who holds the lock on the store's folder, in words that go behind ErrLocked; none where that is not
// known. The lock file is only looked at: to open and close it would end a lock of this process.
func (s *Store) holder() string {
	info, err := s.o.FS.Stat(s.path(lockFile))
	if err != nil {
		return ""
	}
	pid := lockHolder(info)
	switch {
	case pid == 0:
		return ""
	case pid == os.Getpid():
		return ", by this process"
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return fmt.Sprintf(", by process %d", pid)
	}
	return fmt.Sprintf(", by process %d (%s)", pid, strings.TrimSpace(string(name)))
}

// current returns the name of the folder that is the store. It is empty where there is no store yet, which is
// ErrNoStore to those who only read.
func (s *Store) current() (string, error) {
	b, err := ReadFile(s.o.FS, s.path(currentFile))
	switch {
	case errors.Is(err, iofs.ErrNotExist) && s.o.ReadOnly:
		return "", fmt.Errorf("%w: %s", ErrNoStore, s.dir)
	case errors.Is(err, iofs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("storage: read %s: %w", s.path(currentFile), err)
	}
	name := strings.TrimSuffix(string(b), "\n")
	if !strings.HasPrefix(name, enginePrefix) || !isFileName(name) {
		return "", fmt.Errorf("storage: %w: %s says %q, which is no folder of a store", layout.ErrCorrupt, s.path(currentFile), name)
	}
	return name, nil
}

// isFileName tells whether name is a plain file name, of those bytes that Pebble's names and ours are made of.
func isFileName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	return name != "" && name[0] != '.' && strings.Trim(name, letters) == ""
}

// setCurrent makes name the store, durably and at once: a crash leaves the old or the new. After an error it may be
// either.
func (s *Store) setCurrent(name string) error {
	if err := WriteFile(s.o.FS, s.path(currentFile), []byte(name+"\n")); err != nil {
		return fmt.Errorf("storage: set current: %w", err)
	}
	return nil
}

// removeLeftovers deletes every file and folder of ours that is not the store. Where no store is yet, another engine
// than the first means that CURRENT was lost, and nothing is deleted.
func (s *Store) removeLeftovers(engine string, noStore bool) error {
	names, err := s.o.FS.List(s.dir)
	if err != nil {
		return fmt.Errorf("storage: list %s: %w", s.dir, err)
	}
	for _, name := range names {
		switch {
		case name == engine:
			continue
		case noStore && strings.HasPrefix(name, enginePrefix):
			return fmt.Errorf("storage: %w: %s is missing, and %s is there", layout.ErrCorrupt, s.path(currentFile), name)
		case strings.HasPrefix(name, enginePrefix), strings.HasPrefix(name, checkpointPrefix), name == currentFile+tmpSuffix:
			if err := s.o.FS.RemoveAll(s.path(name)); err != nil {
				return fmt.Errorf("storage: remove leftover %s: %w", name, err)
			}
		}
	}
	return nil
}

// WriteFile replaces a file with data, durably and atomically.
func WriteFile(fs FS, path string, data []byte) error {
	tmp := path + tmpSuffix
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
