//go:build !linux

package storage

import "io/fs"

// lockHolder is not known here.
func lockHolder(fs.FileInfo) (pid int) { return 0 }
