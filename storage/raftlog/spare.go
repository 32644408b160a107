package raftlog

import (
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// spare keeps one file of entries ready that is written full of zeros. A file that grows with each append has its
// length written with each sync as well, elsewhere on the disk: an append to a new file took half as long again as
// one to a file that had been used before. Files whose entries are gone are used again, in time; a spare takes the
// place of each that would be made until then.
//
// A crash may leave zeros behind the last record. Pebble's reader takes them for the end, as it does what an older
// use has left.
type spare struct {
	fs   vfs.FS
	dir  string
	size int64
	log  *slog.Logger

	mu struct {
		sync.Mutex
		ready  bool // the file is there, whole and synced
		made   int
		closed bool
	}
	making sync.WaitGroup
}

const (
	spareFile  = "SPARE"   // no name of a file of entries
	spareCount = 32        // so many are made: by then, under writes of less than 100 kB an entry, there are files to use again
	spareFree  = 32        // times the size of a spare must be free on the disk
	spareOver  = 1 << 20   // is how much larger it is than a file should become: the last append goes beyond that
	zeroBytes  = 256 << 10 // are written at once
	zeroPause  = 5 * time.Millisecond
)

func newSpare(o Options, dir string) *spare {
	return &spare{fs: o.FS, dir: o.FS.PathJoin(dir, entriesDir), size: int64(o.FileBytes) + spareOver, log: o.Logger}
}

// start removes what a crash has left of a spare, and begins to make one. The folder is there.
func (s *spare) start() {
	if err := s.fs.Remove(s.path()); err == nil || errors.Is(err, fs.ErrNotExist) {
		s.prepare()
	}
}

func (s *spare) path() string { return s.fs.PathJoin(s.dir, spareFile) }

// prepare begins to make the next one, if it is wanted and there is room enough.
func (s *spare) prepare() {
	disk, err := s.fs.GetDiskUsage(s.dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || int64(disk.AvailBytes) < spareFree*s.size || s.mu.closed || s.mu.made == spareCount {
		return
	}
	s.mu.made++
	s.making.Go(func() {
		if err := s.writeZeros(); err != nil {
			s.log.Debug("no log file is kept ready", "err", err)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.mu.ready = true
	})
}

func (s *spare) writeZeros() (err error) {
	f, err := s.fs.Create(s.path(), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	zeros := make([]byte, zeroBytes)
	pace := time.NewTicker(zeroPause)
	defer pace.Stop()
	for n := int64(0); n < s.size && !s.isClosed(); n += zeroBytes {
		<-pace.C
		if _, err := f.Write(zeros); err != nil {
			return err
		}
		// They are sent on their way in small steps, which hold up others less than one large sync does, or many
		// small ones.
		if _, err := f.SyncTo(n + zeroBytes); err != nil {
			return err
		}
	}
	return f.Sync()
}

func (s *spare) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.closed
}

// takeFile makes the spare the file of that name; nil when there is none. Its name is durable when the folder is
// synced.
func (s *spare) takeFile(name string, category vfs.DiskWriteCategory) vfs.File {
	s.mu.Lock()
	ready := s.mu.ready
	s.mu.ready = false
	s.mu.Unlock()
	if !ready || s.fs.Rename(s.path(), name) != nil {
		return nil
	}
	s.prepare()
	f, err := s.fs.OpenReadWrite(name, category)
	if err != nil {
		return nil // who makes the file finds out why
	}
	return f
}

// stopMaking ends what is being made.
func (s *spare) stopMaking() {
	s.mu.Lock()
	s.mu.closed = true
	s.mu.Unlock()
	s.making.Wait()
}
