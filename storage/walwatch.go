package storage

import (
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// walWatch is a file system that logs why Pebble's log cannot be written. Pebble panics then, half-way through its locks,
// and the process ends with a complaint about a mutex that does not name the cause.
type walWatch struct {
	FS
	log *slog.Logger
}

// walCategory is how Pebble marks the files of its log when it makes them.
const walCategory vfs.DiskWriteCategory = "pebble-wal"

// Unwrap returns the file system below, for vfs.Root.
func (w walWatch) Unwrap() vfs.FS { return w.FS }

// Create implements vfs.FS.
func (w walWatch) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := w.FS.Create(name, category)
	return w.watch(f, err, name, category)
}

// ReuseForWrite implements vfs.FS.
func (w walWatch) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := w.FS.ReuseForWrite(oldname, newname, category)
	return w.watch(f, err, newname, category)
}

func (w walWatch) watch(f vfs.File, err error, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if category != walCategory {
		return f, err
	}
	report := func(err error) error {
		if err != nil {
			w.log.Error("cannot write the state's log", "path", name, "err", err)
		}
		return err
	}
	if report(err) != nil {
		return nil, err
	}
	return watchedFile{f, report}, nil
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
