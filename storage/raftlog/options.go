package raftlog

import (
	"errors"
	"fmt"
	"log/slog"
	"math"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/background"
)

// Options configures a Store. The zero value of a field means its default.
type Options struct {
	// FS is the file system; default vfs.Default.
	FS vfs.FS

	// Logger receives what Pebble has to say; by default nobody does.
	Logger *slog.Logger

	// Durable returns up to which index the head of the log may leave the disk: the state that those entries led to is
	// durable without them. The state store says so, because applied entries and the snapshot record are written there
	// without a sync, some time later. Default: any entry may.
	Durable func() (index uint64)

	// BeforeTruncate is called before all entries disappear from the disk. When it returns nil, the state that they
	// led to must be durable without them: the state store syncs itself here. An error keeps the log as it is and is
	// returned by DeleteRange. It runs in the goroutine of DeleteRange, holds up other deletions but no appends and
	// no reads, and must not call DeleteRange, DropBehind or Close. Default: nothing is called.
	BeforeTruncate func() error

	// TruncateEvery is how many compacted entries wait at least before they are removed from the disk; default 1024.
	TruncateEvery uint64

	// CacheEntries and CacheBytes bound the newest entries held in memory; default 512 entries and 8 MiB.
	CacheEntries, CacheBytes int

	// FileBytes is how long a file of entries gets, about, before the next begins; default 32 MiB, at least 256 KiB,
	// at most 1 GiB.
	FileBytes int

	// SpareLogs keeps a file of FileBytes ready, written before it is used, so that appends to a new file are as fast
	// as those to an old one. It costs that much disk, and 200 MiB written once. It is always on on a real file
	// system with room enough, and off by default on others.
	SpareLogs bool

	// ReadOnly opens an existing store for reading only: nothing in its directory changes.
	ReadOnly bool
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Durable == nil {
		o.Durable = func() uint64 { return math.MaxUint64 }
	}
	if o.BeforeTruncate == nil {
		o.BeforeTruncate = func() error { return nil }
	}
	if o.TruncateEvery == 0 {
		o.TruncateEvery = 1024
	}
	if o.CacheEntries == 0 {
		o.CacheEntries = 512
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 8 << 20
	}
	if o.FileBytes == 0 {
		o.FileBytes = 32 << 20
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	if o.CacheEntries < 0 {
		errs = append(errs, fmt.Errorf("CacheEntries is %d, must not be negative", o.CacheEntries))
	}
	if o.CacheBytes < 0 {
		errs = append(errs, fmt.Errorf("CacheBytes is %d, must not be negative", o.CacheBytes))
	}
	if o.FileBytes < 256<<10 || o.FileBytes > 1<<30 {
		errs = append(errs, fmt.Errorf("FileBytes is %d, must be from 256 KiB to 1 GiB", o.FileBytes))
	}
	return errors.Join(errs...)
}

// pebble returns Pebble's options for the stable values, which are few and small.
func (o Options) pebble() *pebble.Options {
	l := logger{o.Logger}
	p := &pebble.Options{
		FS:       markerFS{o.FS},
		ReadOnly: o.ReadOnly,
		Logger:   l,
		EventListener: &pebble.EventListener{
			DataCorruption: l.dataCorruption, // the default is Fatalf; a reader shall get ErrCorrupt instead
			DiskSlow:       func(info pebble.DiskSlowInfo) { l.diskSlow(info) },
		},
		// Pinned, so that a newer Pebble does not change the files by itself. This one can tell a torn end of the
		// write-ahead log from damage inside it, and has checksums in the footers of tables.
		FormatMajorVersion: pebble.FormatTableFormatV6,
		MemTableSize:       stableBytes,
	}
	if o.FS == vfs.Default {
		p.WithFSDefaults() // watches for slow disk operations, reports them to DiskSlow
	}
	return p
}

// openBytes returns how much an open writes, about: the stable values, and the last file of entries, again.
func (o Options) openBytes(dir string) int64 {
	return background.LogBytes(o.FS, dir) + min(background.LogBytes(o.FS, o.FS.PathJoin(dir, entriesDir)), int64(o.FileBytes)+spareOver)
}

// stableBytes is Pebble's memtable for the stable values.
const stableBytes = 256 << 10
