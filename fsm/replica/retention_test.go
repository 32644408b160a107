package replica

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/fsm"
	"cairn/fsm/replica/raftfix"
	"cairn/storage"
	"cairn/storage/raftlog"
)

// fillingFS is a file system that says how full it is.
type fillingFS struct {
	vfs.FS
	free *atomic.Uint64
}

// GetDiskUsage implements vfs.FS.
func (f fillingFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: f.free.Load(), TotalBytes: 1 << 40}, nil
}

// TestLogBytes: entries that fill more files than the log is to have leave it with the next snapshot, and the disk
// once the state is durable; not while a stream holds the log.
func TestLogBytes(t *testing.T) {
	const fileBytes = 256 << 10
	s, err := storage.Open("/state", storage.Options{FS: vfs.NewMem(), MemTableBytes: 1 << 20, FlushInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var free atomic.Uint64
	free.Store(2 * scarceBytes)
	log, err := raftlog.Open("/log", raftlog.Options{
		FS: fillingFS{vfs.NewMem(), &free}, FileBytes: fileBytes, Durable: s.Durable, BeforeTruncate: s.Sync,
	})
	if err != nil {
		t.Fatal(err)
	}
	const bound = 4 * fileBytes
	r, err := Start(Options{
		ID: "n1", Addr: "n1", Log: log, Machine: fsm.New(fsm.Options{Store: s}), Snapshots: fsm.NewSnapshots(s), Bounds: Bounds{LogBytes: bound},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(r.Close(), log.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}()
	eventually(t, "a leader", func() bool { return r.Status().Ready })
	first := func() uint64 { i, _ := log.FirstIndex(); return i }
	write := func(entries int) {
		for range entries {
			if _, err := r.proposer.proposeCall("SET", "k", strings.Repeat("v", 30<<10)); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.retention.streams.Begun <- "n2"
	m := r.retention.streams.Begin(raftfix.Stream{Peer: "n2", Sending: true, Size: 1}, strings.NewReader("x"))
	eventually(t, "the log to be held", func() bool { return r.raft.ReloadableConfig().TrailingLogs == retainAll })
	write(200)
	if first() != 1 || log.Size() < 200*30<<10 {
		t.Fatalf("the log is held, and begins at %d and has %d bytes", first(), log.Size())
	}
	m.End(nil)
	free.Store(scarceBytes - 1) // the stream's follower does not catch up, and the disk has no room to wait
	eventually(t, "the log to be cut", func() bool { return first() > 100 })
	last, _ := log.LastIndex()
	if kept := last + 1 - first(); kept < leastTrailing/2 || kept > 4*leastTrailing {
		t.Errorf("%d entries are kept", kept)
	}
	if log.Size() < 200*30<<10 {
		t.Errorf("%d bytes are left, and nothing is durable", log.Size())
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the files to go", func() bool { return log.Size() <= (leastTrailing+10)*31<<10+fileBytes })
	write(30) // fewer than what is cut at a time where entries are small
	if first() < 130 {
		t.Errorf("after 30 entries more the log begins at %d", first())
	}
}

// TestHeldLog: the log is held while a stream runs and there is room on the disk.
func TestHeldLog(t *testing.T) {
	var free atomic.Uint64
	free.Store(2 * scarceBytes)
	log, err := raftlog.Open("/log", raftlog.Options{FS: fillingFS{vfs.NewMem(), &free}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := storage.Open("/state", storage.Options{FS: vfs.NewMem(), MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Start(Options{ID: "n1", Addr: "n1", Log: log, Machine: fsm.New(fsm.Options{Store: s}), Snapshots: fsm.NewSnapshots(s)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(r.Close(), log.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}()
	eventually(t, "a leader", func() bool { return r.Status().Ready })
	trailing := func(n uint64) func() bool {
		return func() bool { return r.raft.ReloadableConfig().TrailingLogs == n }
	}
	r.retention.streams.Begun <- "n2"
	m := r.retention.streams.Begin(raftfix.Stream{Peer: "n2", Sending: true, Size: 1}, strings.NewReader("x"))
	eventually(t, "the log to be held", trailing(retainAll))
	free.Store(scarceBytes - 1)
	eventually(t, "the log to be cut on a full disk", trailing(r.o.TrailingLogs))
	free.Store(2 * scarceBytes)
	eventually(t, "the log to be held again", trailing(retainAll))
	if _, err := io.Copy(io.Discard, m); err != nil {
		t.Error(err)
	}
}
