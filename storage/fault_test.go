package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cairn/storage/background"
	"cairn/storage/layout"
	"cairn/storage/storagetest"
)

// faulty is a file system whose operations of some kinds on some files fail while on is set.
func faulty(fs FS, on *atomic.Bool, suffix string, kinds ...errorfs.OpKind) FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if on.Load() && strings.HasSuffix(op.Path, suffix) && slices.Contains(kinds, op.Kind) {
			return errorfs.ErrInjected
		}
		return nil
	}))
}

// TestFailingFlush: tables that cannot be written for a while lose nothing, for the WAL holds what is in them.
func TestFailingFlush(t *testing.T) {
	mem, on := vfs.NewCrashableMem(), atomic.Bool{}
	s := unhurried(t, faulty(mem, &on, ".sst", errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileSync))
	on.Store(true)
	m := fill(t, s, "x", 80) // more than one memtable, less than four
	must(t, m.checkStore(s))
	must(t, s.Sync()) // one batch, which Pebble has to flush
	must(t, m.checkStore(opened(t, crash(mem, storagetest.Rand(t), 0))))
	on.Store(false)
	flush(t, s)
	must(t, m.checkStore(s))
	must(t, s.Close())
	must(t, m.checkStore(opened(t, mem)))
}

// TestCloseWhileFlushesFail: a store whose tables cannot be written closes all the same, with what is in the WAL.
func TestCloseWhileFlushesFail(t *testing.T) {
	mem, on := vfs.NewMem(), atomic.Bool{}
	s := unhurried(t, faulty(mem, &on, ".sst", errorfs.OpCreate))
	on.Store(true)
	m := fill(t, s, "x", 80) // of which the flush that fails has something, whatever Pebble has begun before
	must(t, s.Sync())
	if _, err := s.mu.engine.db.AsyncFlush(); err != nil {
		t.Fatal(err)
	}
	for !s.mu.engine.background.Failing() {
		<-time.After(time.Millisecond)
	}
	for n := range 100 { // more than Pebble has memtables for
		put(t, s, fmt.Sprint("My", n), strings.Repeat("v", 5<<10))
	}
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		must(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("it does not close")
	}
	on.Store(false)
	must(t, m.checkStore(opened(t, mem)))
}

// fullFS is a file system that says that there is no room while it is full.
type fullFS struct {
	*vfs.MemFS
	full *atomic.Bool
}

// GetDiskUsage implements vfs.FS.
func (f fullFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	u := vfs.DiskUsage{AvailBytes: 1 << 40, TotalBytes: 1 << 40}
	if f.full.Load() {
		u.AvailBytes = 1 << 20
	}
	return u, nil
}

// TestFullDisk: a store is neither opened nor replaced where there is no room for what that writes. Nothing changes
// then, and it works once there is.
func TestFullDisk(t *testing.T) {
	leader := opened(t, vfs.NewMem())
	m := fill(t, leader, "new", 50)
	stream := streamOf(t, leader)

	fs, full := vfs.NewMem(), atomic.Bool{}
	s, err := Open("db", small(fullFS{fs, &full}))
	must(t, err)
	old := fill(t, s, "old", 10)
	g, err := receive(s, stream)
	must(t, err)
	full.Store(true)
	if err := s.Adopt(g, layout.Record{Index: m.state.Index}); !background.IsFull(err) {
		t.Errorf("Adopt on a full disk: %v", err)
	}
	must(t, g.Abort())
	must(t, old.checkStore(s))
	must(t, s.Close())
	if _, err := Open("db", small(fullFS{fs, &full})); !background.IsFull(err) {
		t.Errorf("Open on a full disk: %v", err)
	}
	full.Store(false)
	s, err = Open("db", small(fullFS{fs, &full}))
	must(t, err)
	must(t, old.checkStore(s))
	if g, err = receive(s, stream); err == nil {
		err = s.Adopt(g, layout.Record{Index: m.state.Index})
	}
	must(t, err)
	must(t, s.Close())
}

// TestDamagedTable: a damaged table gives errors that wrap layout.ErrCorrupt to those who read it, and stops nobody
// else.
func TestDamagedTable(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, mem)
	m := fill(t, s, "x", 30)
	flush(t, s)
	must(t, s.Close())
	dir, tables := "db/"+firstEngine, 0
	for _, name := range list(t, mem, dir) {
		if strings.HasSuffix(name, ".sst") {
			tables++
			b, err := ReadFile(mem, dir+"/"+name)
			must(t, err)
			for at := 10; at < len(b)/2; at += 50 { // data blocks come first
				b[at] ^= 1
			}
			must(t, WriteFile(mem, dir+"/"+name, b))
		}
	}
	s, err := Open("db", small(mem))
	if err == nil {
		defer s.Close()
		err = m.checkStore(s)
	}
	if tables == 0 || !errors.Is(err, layout.ErrCorrupt) {
		t.Errorf("%d damaged tables give %v", tables, err)
	}
}

// TestFaultInCheckpoint lets each operation of a checkpoint fail once: it says so, leaves nothing, and the store goes
// on.
func TestFaultInCheckpoint(t *testing.T) {
	failures := 0
	for n := int64(1); ; n++ {
		mem := vfs.NewMem()
		count, failed := atomic.Int64{}, atomic.Bool{}
		count.Store(-1 << 40)
		s := mustOpen(t, errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			ours := strings.Contains(op.Path, checkpointPrefix) && op.Kind != errorfs.OpRemoveAll
			folder := strings.HasPrefix(mem.PathBase(op.Path), checkpointPrefix) // Pebble panics when it cannot sync one
			if !ours || folder && op.Kind == errorfs.OpFileSync || count.Add(1) != n {
				return nil
			}
			failed.Store(true)
			return errorfs.ErrInjected
		})))
		m := fill(t, s, "x", 60)
		count.Store(0)
		err := func() error {
			c, err := s.Checkpoint()
			if err != nil {
				return err
			}
			var n int64
			for b := make([]byte, 1000); err == nil; {
				var k int
				k, err = c.Read(b)
				n += int64(k)
			}
			if n == c.Size() {
				err = nil
			}
			return errors.Join(err, c.Close())
		}()
		count.Store(-1 << 40)
		must(t, m.checkStore(s))
		put(t, s, "M", "goes on")
		must(t, tidy(mem))
		must(t, s.Close())
		if !failed.Load() {
			must(t, err)
			break
		}
		if err != nil {
			failures++
		}
	}
	t.Logf("%d operations failed a checkpoint", failures)
	if failures < 20 {
		t.Errorf("only %d operations failed a checkpoint", failures)
	}
}

// fatalFaults are faults that Pebble does not survive, and neither would a recovered panic: it holds its locks by
// then, or has released one twice.
var fatalFaults = []struct {
	name, file string
	kinds      []errorfs.OpKind
}{
	{"write the log", ".log", []errorfs.OpKind{errorfs.OpFileWrite}},
	{"sync the log", ".log", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}},
	{"make a log", ".log", []errorfs.OpKind{errorfs.OpCreate, errorfs.OpReuseForWrite}},
	{"write the manifest", "MANIFEST", []errorfs.OpKind{errorfs.OpFileWrite}},
	{"sync the manifest", "MANIFEST", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData}},
}

// childFatal runs in a process of its own: it commits, with fault number n from the twentieth commit on, and says
// after each Sync that works which index it covered.
func childFatal(args string) {
	var n int
	var sync bool
	var dir string
	fmt.Sscan(args, &n, &sync, &dir)
	fault, on := fatalFaults[n], atomic.Bool{}
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelError}))
	s, err := Open(dir, Options{MemTableBytes: 64 << 10, Logger: log, FS: errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if on.Load() && strings.Contains(op.Path, fault.file) && slices.Contains(fault.kinds, op.Kind) {
			return errorfs.ErrInjected
		}
		return nil
	}))})
	for i := uint64(1); err == nil && i < 3000; i++ {
		var x *Txn
		if x, err = s.Begin(); err != nil {
			break
		}
		_ = x.Set([]byte("M"), fmt.Appendf(nil, "%d%01000d", i, 0))
		if err = x.Commit(Applied{i, 1}); err == nil && (i == 20 || sync && i%10 == 0) {
			if err = s.Sync(); err == nil {
				fmt.Println("synced", i)
			}
			on.Store(i >= 20)
		} else if err == nil && i%5 == 0 {
			err = s.mu.engine.flush(pebble.NoSync, nil)
		}
	}
	fmt.Println("still alive:", err)
}

// TestFatal: a full or failing disk ends the process, with a panic that names the cause, and loses nothing that was
// synced. What was committed without a sync may be lost, but data and index stay together.
func TestFatal(t *testing.T) {
	for n, fault := range fatalFaults {
		for _, sync := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, syncing %v", fault.name, sync), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				out, err := child(t, "fatal", fmt.Sprint(n, sync, " ", dir))
				if err == nil || strings.Contains(out, "still alive") || !strings.Contains(out, "injected error") {
					t.Errorf("the process ended with %v:\n%s", err, out)
				}
				synced := uint64(0)
				for line := range strings.Lines(out) {
					_, _ = fmt.Sscanf(line, "synced %d", &synced)
				}
				s, err := Open(dir, Options{})
				must(t, err)
				defer s.Close()
				v, err := s.View(0)
				must(t, err)
				defer v.Close()
				at := s.State().Index
				row, err := v.Get([]byte("M"))
				if at < synced || synced < 20 || err != nil || string(row) != fmt.Sprintf("%d%01000d", at, 0) {
					t.Errorf("the store is at %d with %.20q, %v; %d was synced", at, row, err, synced)
				}
			})
		}
	}
}
