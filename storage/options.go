package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/rowcache"
)

// FS is the file system a store lives on. Tests pass a crashable one.
type FS = vfs.FS

// Options configures a Store. The zero value of a field means its default.
type Options struct {
	FS            FS            // default: the operating system's
	CacheBytes    int64         // block cache; Pebble takes the room of memtables and large batches out of it; default 128 MiB
	RowCacheBytes int64         // newest rows, kept in front of Pebble; default 192 MiB
	BufferBytes   int64         // of committed rows that wait in memory to be written to Pebble together; default 32 MiB
	FlushInterval time.Duration // how long they wait at most; default 10 s
	MemTableBytes uint64        // default 16 MiB, at least 64 KiB, at most 1 GiB
	ReadOnly      bool          // for looking at a stopped node's store: nothing in the directory changes
	Logger        *slog.Logger  // default: discards
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 128 << 20
	}
	if o.RowCacheBytes == 0 {
		o.RowCacheBytes = 192 << 20
	}
	if o.BufferBytes == 0 {
		o.BufferBytes = 32 << 20
	}
	if o.FlushInterval == 0 {
		o.FlushInterval = 10 * time.Second
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 16 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	if o.CacheBytes < 0 {
		errs = append(errs, fmt.Errorf("CacheBytes is %d, must not be negative", o.CacheBytes))
	}
	if o.RowCacheBytes < 0 || o.RowCacheBytes > rowcache.MaxBytes {
		errs = append(errs, fmt.Errorf("RowCacheBytes is %d, must be from 0 to %d", o.RowCacheBytes, int64(rowcache.MaxBytes)))
	}
	if o.BufferBytes < 0 || o.FlushInterval < 0 {
		errs = append(errs, fmt.Errorf("BufferBytes is %d and FlushInterval %v, must not be negative", o.BufferBytes, o.FlushInterval))
	}
	if o.MemTableBytes < 64<<10 || o.MemTableBytes > 1<<30 {
		errs = append(errs, fmt.Errorf("MemTableBytes is %d, must be from 64 KiB to 1 GiB", o.MemTableBytes))
	}
	return errors.Join(errs...)
}
