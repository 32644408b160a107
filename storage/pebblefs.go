package storage

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// pebbleFS is the file system that Pebble gets. It makes up for three things in Pebble 2.1.7:
//
//   - A checkpoint copies the log while commits go on, front to back. That gives a log up to some commit, unless the
//     file is one that Pebble uses again: then it holds old bytes behind the newest, the copy may get old bytes
//     before new ones, and such a log does not open. So no file is used again. TestCheckpointUnderWrites fails
//     without this.
//   - A marker file names the manifest in use, and Pebble does not sync the manifest's own name before it makes one.
//     On a file system that does not keep the order of such operations a crash may leave a marker that names no file,
//     and the store would never open again. So the folder is synced before. Source: pebble issue 5825;
//     TestCrashInOpen.
//   - When its log cannot be written, it panics half-way through its locks, and the process ends with a complaint
//     about a mutex that does not name the cause. So the cause is logged. TestFatal.
type pebbleFS struct {
	FS
	log *slog.Logger
}

// walCategory is how Pebble marks the files of its log when it makes them.
const walCategory vfs.DiskWriteCategory = "pebble-wal"

// Unwrap returns the file system below, for vfs.Root.
func (p pebbleFS) Unwrap() vfs.FS { return p.FS }

// Create implements vfs.FS.
func (p pebbleFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(p.FS.PathBase(name), "marker.") {
		if err := syncDir(p.FS, p.FS.PathDir(name)); err != nil {
			return nil, fmt.Errorf("storage: sync before %s: %w", name, err)
		}
	}
	f, err := p.FS.Create(name, category)
	if category != walCategory {
		return f, err
	}
	report := func(err error) error {
		if err != nil {
			p.log.Error("cannot write the state's log", "path", name, "err", err)
		}
		return err
	}
	if report(err) != nil {
		return nil, err
	}
	return watchedFile{f, report}, nil
}

// ReuseForWrite implements vfs.FS by a new file; the old one is removed.
func (p pebbleFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := p.FS.Remove(oldname); err != nil {
		return nil, err
	}
	return p.Create(newname, category)
}

// watchedFile reports what goes wrong in writing and syncing it.
type watchedFile struct {
	vfs.File
	report func(error) error
}

// Write implements io.Writer.
func (f watchedFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.report(err)
}

// Sync implements vfs.File.
func (f watchedFile) Sync() error { return f.report(f.File.Sync()) }

// SyncData implements vfs.File.
func (f watchedFile) SyncData() error { return f.report(f.File.SyncData()) }

// SyncTo implements vfs.File.
func (f watchedFile) SyncTo(length int64) (fullSync bool, err error) {
	fullSync, err = f.File.SyncTo(length)
	return fullSync, f.report(err)
}
