package raftlog

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// markerFS syncs a directory before a marker file is created in it.
//
// Pebble's marker files name the manifest in use. Pebble 2.1.7 creates the manifest, then the marker, then syncs the
// directory; a crash before that sync may, on a file system that does not keep the order of directory operations, leave
// a marker that names no file, and the store never opens again ("could not open manifest file"). Source: pebble issue
// 5825, fixed there by pull request 5915, in no release of v2.1. TestCrashAtEveryFileOperation fails without this.
type markerFS struct{ vfs.FS }

// spareFS takes new log files from a spare, if there is one.
type spareFS struct {
	vfs.FS
	spare *spare
}

// walCategory is what Pebble calls the files of its write-ahead log.
const walCategory vfs.DiskWriteCategory = "pebble-wal"

// Create creates the file called name.
func (fs spareFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if category == walCategory {
		if f := fs.spare.takeFile(name, category); f != nil {
			return f, nil
		}
	}
	return fs.FS.Create(name, category)
}

// Unwrap returns the file system below, as vfs.Root wants it.
func (fs spareFS) Unwrap() vfs.FS { return fs.FS }

// Create creates the file called name.
func (fs markerFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(fs.PathBase(name), "marker.") {
		if err := syncDir(fs.FS, fs.PathDir(name)); err != nil {
			return nil, fmt.Errorf("storage/raftlog: sync before marker %s: %w", name, err)
		}
	}
	return fs.FS.Create(name, category)
}

// Unwrap returns the file system below, as vfs.Root wants it.
func (fs markerFS) Unwrap() vfs.FS { return fs.FS }

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		d.Close()
		return err
	}
	return d.Close()
}
