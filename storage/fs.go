package storage

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// DefaultFS returns the operating system's file system.
func DefaultFS() FS { return vfs.Default }

// MkdirAll creates dir and its missing parents, durably: a folder whose entry in its parent was not synced is gone
// after a power cut, with everything that was synced inside it.
func MkdirAll(fs FS, dir string) error {
	var missing []string
	for d := dir; ; d = fs.PathDir(d) {
		if _, err := fs.Stat(d); err == nil || d == fs.PathDir(d) {
			break
		}
		missing = append(missing, d)
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("storage: create %s: %w", dir, err)
	}
	for _, d := range missing {
		if err := syncDir(fs, fs.PathDir(d)); err != nil {
			return fmt.Errorf("storage: sync the parent of %s: %w", d, err)
		}
	}
	return nil
}
