package background

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrFull is returned when the disk has too little room for what is to be opened.
var ErrFull = errors.New("storage: the disk is full")

// IsFull reports whether an error says that there is no room on a disk: it may go away by itself.
func IsFull(err error) bool { return errors.Is(err, ErrFull) || vfs.IsNoSpaceError(err) }

// What is to be free beside what an open writes is a sixteenth of the disk, or so much: what a node needs to be of
// use for a moment.
const reserve = 64 << 20

// CheckSpace returns ErrFull if the disk that dir is on has no room for so many bytes more. A disk that does not say
// how full it is has.
func CheckSpace(fs vfs.FS, dir string, bytes int64) error {
	u, err := fs.GetDiskUsage(dir)
	if err != nil {
		return nil
	}
	if needed := uint64(bytes) + min(reserve, u.TotalBytes/16); u.AvailBytes < needed {
		return fmt.Errorf("%w: no space left on device: %s needs %d bytes, and %d are free", ErrFull, dir, needed, u.AvailBytes)
	}
	return nil
}

// LogBytes returns how long the write-ahead logs in a folder are. To open the database there writes about as much, in
// tables.
func LogBytes(fs vfs.FS, dir string) (bytes int64) {
	names, err := fs.List(dir)
	if err != nil {
		return 0 // who opens it finds out why
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		if info, err := fs.Stat(fs.PathJoin(dir, name)); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}
