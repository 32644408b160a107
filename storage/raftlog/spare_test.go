package raftlog

import (
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// roomyFS says that there is room on the disk.
type roomyFS struct {
	*vfs.MemFS
	bytes uint64
}

func (fs roomyFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: fs.bytes, TotalBytes: fs.bytes}, nil
}

// TestSpareLogs: the first new log file is the one that was kept ready, and a crash leaves every entry that was
// synced. From then on Pebble may have files to use again.
func TestSpareLogs(t *testing.T) {
	o := Options{FileBytes: 256 << 10, SpareLogs: true}
	fs := roomyFS{vfs.NewCrashableMem(), 1 << 40}
	s := mustOpen(t, fs, o)
	awaitSpare(t, s)
	value := strings.Repeat("x", 10<<10)
	last := uint64(0)
	for s.spareCount() == 1 { // until a new log has taken the spare, and the next is made
		if last++; last > 1000 {
			t.Fatal("no new log has taken the spare")
		}
		if err := s.StoreLogs([]*raft.Log{{Index: last, Term: 1, Data: []byte(value)}}); err != nil {
			t.Fatal(err)
		}
	}
	if longLogs(t, fs, int64(o.FileBytes)+spareOver) == 0 {
		t.Fatal("no log file is as long as a spare")
	}
	awaitSpare(t, s) // a MemFS that is cloned while files are made in it may lock up
	for seed, percent := range []int{0, 50, 100} {
		c := crashed(t, fs.MemFS, percent, uint64(seed), noCache(Options{FileBytes: o.FileBytes}))
		if _, got := bounds(t, c); got != last {
			t.Fatalf("after a crash that keeps %d %% of what was not synced: entries up to %d of %d", percent, got, last)
		}
		var entry raft.Log
		for i := uint64(1); i <= last; i++ {
			if err := c.GetLog(i, &entry); err != nil || string(entry.Data) != value {
				t.Fatalf("entry %d of %d: %v", i, last, err)
			}
		}
		mustClose(t, c)
	}
}

// TestSpareNeedsRoom: a disk that is nearly full is left alone, and what a crash has left of a spare is removed.
func TestSpareNeedsRoom(t *testing.T) {
	fs := roomyFS{vfs.NewMem(), 10 << 20}
	dir := fs.PathJoin("log", entriesDir)
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := fs.Create(fs.PathJoin(dir, spareFile), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, fs, Options{FileBytes: 256 << 10, SpareLogs: true})
	mustStore(t, s, 1, 100, 1)
	if _, err := fs.Stat(fs.PathJoin(dir, spareFile)); err == nil || s.spareCount() != 0 {
		t.Errorf("%d spares on a disk without room, %v", s.spareCount(), err)
	}
}

func (s *Store) spareCount() int {
	s.spare.mu.Lock()
	defer s.spare.mu.Unlock()
	return s.spare.mu.made
}

// awaitSpare returns once a spare is ready and nothing else goes on.
func awaitSpare(t *testing.T, s *Store) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		s.spare.mu.Lock()
		ready := s.spare.mu.ready
		s.spare.mu.Unlock()
		if m := s.db.Metrics(); ready && m.Flush.NumInProgress == 0 && m.MemTable.Count == 1 && m.Compact.NumInProgress == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("no spare is ready")
		}
	}
}

// longLogs counts the log files that are at least so long.
func longLogs(t *testing.T, fs vfs.FS, size int64) (n int) {
	t.Helper()
	dir := fs.PathJoin("log", entriesDir)
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if info, err := fs.Stat(fs.PathJoin(dir, name)); err == nil && strings.HasSuffix(name, ".log") && info.Size() >= size {
			n++
		}
	}
	return n
}
