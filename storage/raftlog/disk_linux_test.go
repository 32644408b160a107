package raftlog

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// TestFilesTakeWhatTheyAre: on a real file system the files take of the disk what they are long, but for the one that
// is being written, also where entries are large and a file is used again that was longer.
func TestFilesTakeWhatTheyAre(t *testing.T) {
	for _, dir := range realDirs(t) {
		t.Run(dir.name, func(t *testing.T) {
			const fileBytes = 1 << 20
			s, err := Open(dir.path, Options{FileBytes: fileBytes})
			if err != nil {
				t.Fatal(err)
			}
			last := uint64(0)
			store := func(n, bytes int) {
				for range n {
					last++
					if err := s.StoreLogs([]*raft.Log{{Index: last, Term: 1, Data: make([]byte, bytes)}}); err != nil {
						t.Fatal(err)
					}
				}
			}
			store(1, 5<<20) // of all files the longest
			store(40, 300<<10)
			used, _ := s.diskUse(t)
			if used < 17<<20 {
				t.Fatalf("the files take %d bytes, and entries are 17 MB", used)
			}
			check := func() {
				t.Helper()
				if used, long := s.diskUse(t); used > long+fileBytes+2*spareOver {
					t.Errorf("the files are %d bytes long, and take %d", long, used)
				}
			}
			check()
			if err := s.DeleteRange(1, last-1); err != nil {
				t.Fatal(err)
			}
			store(40, 300<<10)
			check()
			if long := s.longest(t); long > fileBytes+spareOver {
				t.Errorf("a file of %d bytes is kept", long)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			// A process that was killed has trimmed nothing.
			f, err := os.OpenFile(s.journal.path(s.journal.whole[0].num), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Fallocate(int(f.Fd()), fallocKeepSize, 0, 20<<20); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if s, err = Open(dir.path, Options{FileBytes: fileBytes}); err != nil {
				t.Fatal(err)
			}
			check()
			var entry raft.Log
			for i := last - 39; i <= last; i++ {
				if err := s.GetLog(i, &entry); err != nil || len(entry.Data) != 300<<10 {
					t.Fatalf("entry %d: %d bytes, %v", i, len(entry.Data), err)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// fallocKeepSize is FALLOC_FL_KEEP_SIZE.
const fallocKeepSize = 1

type realDir struct{ name, path string }

// realDirs returns folders on the file systems that this machine has.
func realDirs(t *testing.T) []realDir {
	dirs := []realDir{{"disk", t.TempDir()}}
	if shm, err := os.MkdirTemp("/dev/shm", "cairn-raftlog-"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(shm) })
		dirs = append(dirs, realDir{"memory", shm})
	}
	return dirs
}

// diskUse returns what the files of entries take of the disk, and how long they are, without the spare.
func (s *Store) diskUse(t *testing.T) (used, long int64) {
	t.Helper()
	s.eachFile(t, func(info os.FileInfo) {
		used += info.Sys().(*syscall.Stat_t).Blocks * 512
		long += info.Size()
	})
	return used, long
}

func (s *Store) longest(t *testing.T) (bytes int64) {
	s.eachFile(t, func(info os.FileInfo) { bytes = max(bytes, info.Size()) })
	return bytes
}

func (s *Store) eachFile(t *testing.T, fn func(os.FileInfo)) {
	t.Helper()
	names, err := vfs.Default.List(s.journal.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		info, err := os.Stat(filepath.Join(s.journal.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		fn(info)
	}
}
