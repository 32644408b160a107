package background

import (
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// fullDisk is a disk on which no table can be written while it is full, and counts how often that was tried.
type fullDisk struct {
	vfs.FS
	full  atomic.Bool
	tried atomic.Int64
}

func newFullDisk(fs vfs.FS) *fullDisk {
	d := &fullDisk{}
	d.FS = errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !d.full.Load() || !strings.HasSuffix(op.Path, ".sst") || op.Kind != errorfs.OpFileWrite {
			return nil
		}
		d.tried.Add(1)
		return syscall.ENOSPC
	}))
	return d
}

type opened struct {
	*pebble.DB
	work  *Work
	lines *atomic.Int64
}

func open(t *testing.T, fs vfs.FS) opened {
	t.Helper()
	o := &pebble.Options{FS: fs, MemTableSize: 64 << 10, EventListener: &pebble.EventListener{}, L0CompactionThreshold: 2, Logger: quiet{t}}
	lines := &atomic.Int64{}
	w := New(o, func(string, ...any) { lines.Add(1) })
	db, err := pebble.Open("db", o)
	if err != nil {
		t.Fatal(err)
	}
	return opened{db, w, lines}
}

type quiet struct{ t *testing.T }

func (quiet) Infof(string, ...any)             {}
func (quiet) Errorf(string, ...any)            {}
func (q quiet) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

func (o opened) put(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		if err := o.Set(fmt.Appendf(nil, "k%d", i), make([]byte, 1000), pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
}

func (o opened) close(t *testing.T) {
	t.Helper()
	o.work.End()
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
}

// watched is how long is counted how often something is tried: at once, and after pauses of 100, 200, 400 and 800 ms.
const watched = 1600 * time.Millisecond

// nextPause is longer than the pause that follows, and what comes after it.
const nextPause = 4 * time.Second

func wantFew(t *testing.T, what string, n int64) {
	t.Helper()
	if n < 2 || n > 5 {
		t.Errorf("%s %d times", what, n)
	}
}

// TestOpenOnFullDisk: Pebble does not open before it has flushed what its log says. It tries so at a bounded pace,
// and opens once there is room.
func TestOpenOnFullDisk(t *testing.T) {
	t.Parallel()
	mem := vfs.NewCrashableMem()
	db := open(t, mem)
	db.put(t, 30)
	if err := db.LogData(nil, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	after := mem.CrashClone(vfs.CrashCloneCfg{})
	db.close(t)

	disk := newFullDisk(after)
	disk.full.Store(true)
	done := make(chan opened)
	go func() { done <- open(t, disk) }()
	<-time.After(watched)
	select {
	case <-done:
		t.Fatal("it has opened")
	default:
	}
	wantFew(t, "a flush was tried", disk.tried.Load())
	disk.full.Store(false)
	began := time.Now()
	db = <-done
	if took := time.Since(began); took > nextPause {
		t.Errorf("with room it takes %v more", took)
	}
	if _, closer, err := db.Get([]byte("k29")); err != nil {
		t.Error(err)
	} else if err := closer.Close(); err != nil {
		t.Error(err)
	}
	if db.work.Failing() {
		t.Error("it fails")
	}
	db.close(t)
}

// TestFlushOnFullDisk: an open database does likewise, and one that is closed waits for nothing.
func TestFlushOnFullDisk(t *testing.T) {
	for _, room := range []bool{true, false} {
		t.Run(fmt.Sprint("room=", room), func(t *testing.T) {
			t.Parallel()
			disk := newFullDisk(vfs.NewMem())
			db := open(t, disk)
			disk.full.Store(true)
			db.put(t, 20)
			flushed, err := db.AsyncFlush()
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(watched)
			wantFew(t, "a flush was tried", disk.tried.Load())
			wantFew(t, "a line was logged", db.lines.Load())
			if !db.work.Failing() {
				t.Error("nothing fails")
			}
			began := time.Now()
			if room {
				disk.full.Store(false)
				<-flushed
				if took := time.Since(began); took > nextPause || db.work.Failing() {
					t.Errorf("with room a flush takes %v more; it fails: %v", took, db.work.Failing())
				}
				began = time.Now()
			}
			db.close(t)
			if took := time.Since(began); took > nextPause/4 {
				t.Errorf("it closed after %v", took)
			}
		})
	}
}

// TestCompactionOnFullDisk: compactions too are tried again at a bounded pace, until there is room.
func TestCompactionOnFullDisk(t *testing.T) {
	t.Parallel()
	disk := newFullDisk(vfs.NewMem())
	db := open(t, disk)
	for range 6 {
		db.put(t, 10)
		if err := db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	disk.full.Store(true)
	db.work.Start()
	<-time.After(watched)
	wantFew(t, "a compaction was tried", disk.tried.Load())
	wantFew(t, "a line was logged", db.lines.Load())
	disk.full.Store(false)
	for began := time.Now(); db.Metrics().Levels[0].Sublevels > 1 && time.Since(began) < nextPause; {
		<-time.After(time.Millisecond)
	}
	if m := db.Metrics(); m.Levels[0].Sublevels > 1 {
		t.Errorf("with room it does not compact: %d sublevels", m.Levels[0].Sublevels)
	}
	db.close(t)
}

// usage is a disk that says how full it is.
type usage struct {
	vfs.FS
	free, total uint64
}

func (u usage) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: u.free, TotalBytes: u.total}, nil
}

func TestCheckRoom(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		name        string
		free, total uint64
		bytes       int64
		full        bool
	}{
		{"full", 0, 40 * mib, 0, true},
		{"a small disk", 3 * mib, 40 * mib, 0, false},
		{"a small disk with a log", 3 * mib, 40 * mib, mib, true},
		{"a large disk", 64 * mib, 1 << 40, 0, false},
		{"a large disk, nearly full", 64*mib - 1, 1 << 40, 0, true},
		{"a large disk with a log", 100 * mib, 1 << 40, 40 * mib, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := CheckSpace(usage{vfs.NewMem(), tt.free, tt.total}, "db", tt.bytes); IsFull(err) != tt.full || !tt.full && err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := CheckSpace(vfs.NewMem(), "db", 1<<40); err != nil {
		t.Errorf("a disk that does not say how full it is: %v", err)
	}
}
