package replica

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/fsm"
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
	r.streams.hold.begun <- "n2"
	m := r.streams.begin(Stream{Peer: "n2", Sending: true, Size: 1}, strings.NewReader("x"))
	eventually(t, "the log to be held", trailing(heldLogs))
	free.Store(scarceBytes - 1)
	eventually(t, "the log to be cut on a full disk", trailing(r.o.TrailingLogs))
	free.Store(2 * scarceBytes)
	eventually(t, "the log to be held again", trailing(heldLogs))
	if _, err := io.Copy(io.Discard, m); err != nil {
		t.Error(err)
	}
}
