package raftlog

import (
	"errors"
	"fmt"
	"log/slog"
	"math"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
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

	// BeforeTruncate is called before all entries disappear from the disk. When it returns nil, the state that they led to
	// must be durable without them: the state store syncs itself here. An error keeps the log as it is and is returned by
	// DeleteRange. It runs in the goroutine of DeleteRange, holds up other deletions but
	// no appends and no reads, and must not call DeleteRange, DropBehind or Close. Default: nothing is called.
	BeforeTruncate func() error

	// TruncateEvery is how many compacted entries wait at least before they are removed from the disk; default 1024.
	TruncateEvery uint64

	// CacheEntries and CacheBytes bound the newest entries held in memory; default 512 entries and 8 MiB.
	CacheEntries, CacheBytes int

	// MemTableBytes is the size of Pebble's memtable; default 32 MiB, at least 256 KiB, at most 1 GiB.
	MemTableBytes int

	// SpareLogs keeps a log file of MemTableBytes ready, written before it is used, so that appends to a new log are as fast
	// as those to an old one. It costs that much disk, and
	// 200 MiB written once. It is always on on a real file system with room enough, and off by default on others.
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
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 32 << 20
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
	if o.MemTableBytes < 256<<10 || o.MemTableBytes > 1<<30 {
		errs = append(errs, fmt.Errorf("MemTableBytes is %d, must be from 256 KiB to 1 GiB", o.MemTableBytes))
	}
	return errors.Join(errs...)
}

// pebble returns Pebble's options for a database that is a log: written in key order, read near its end, and deleted
// from its front a few thousand entries later.
func (o Options) pebble(s *spare) *pebble.Options {
	l := logger{o.Logger}
	p := &pebble.Options{
		FS:       spareFS{markerFS{o.FS}, s},
		ReadOnly: o.ReadOnly,
		Logger:   l,
		EventListener: &pebble.EventListener{
			DataCorruption: l.dataCorruption, // the default is Fatalf; a reader shall get ErrCorrupt instead
			DiskSlow:       l.diskSlow,
		},
		// Pinned, so that a newer Pebble does not change the files by itself. This one can tell a torn end of the
		// write-ahead log from damage inside it, and has checksums in the footers of tables.
		FormatMajorVersion: pebble.FormatTableFormatV6,
		// Entries that are removed while still in the memtable never become a table; with small entries that is all
		// of them. The memory is taken as it fills, 256 KiB at first.
		MemTableSize: uint64(o.MemTableBytes),
		// Appends are bursts; with the default of 2 one slow flush would stall them.
		MemTableStopWritesThreshold: 4,
	}
	// Keys only ever grow, so tables do not overlap; fewer and larger ones leave less bookkeeping to the one goroutine
	// that deletes them.
	p.TargetFileSizes[0] = 8 << 20
	// A table lives for a few thousand entries: compressing it costs the processor and saves hardly any disk.
	p.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	if o.FS == vfs.Default {
		p.WithFSDefaults() // watches for slow disk operations, reports them to DiskSlow
	}
	return p
}
