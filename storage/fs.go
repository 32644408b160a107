package storage

import "github.com/cockroachdb/pebble/v2/vfs"

// DefaultFS returns the operating system's file system.
func DefaultFS() FS { return vfs.Default }
