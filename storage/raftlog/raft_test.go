package raftlog

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// recorder is a machine that remembers the data of the entries it applied.
type recorder struct {
	mu struct {
		sync.Mutex
		applied [][]byte
	}
}

func (r *recorder) Apply(log *raft.Log) any {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.applied = append(r.mu.applied, bytes.Clone(log.Data))
	return nil
}

func (r *recorder) Snapshot() (raft.FSMSnapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &recorded{bytes.Join(r.mu.applied, []byte(" "))}, nil
}

func (r *recorder) Restore(snapshot io.ReadCloser) error {
	b, err := io.ReadAll(snapshot)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.applied = bytes.Fields(b)
	return err
}

type recorded struct{ b []byte }

func (r *recorded) Persist(sink raft.SnapshotSink) error {
	_, err := sink.Write(r.b)
	return err
}

func (r *recorded) Release() {}

// startRaft starts a cluster of one on s and returns when it leads.
func startRaft(t *testing.T, s *Store, snapshots raft.SnapshotStore) (*raft.Raft, *recorder) {
	t.Helper()
	conf := raft.DefaultConfig()
	conf.LocalID = "a"
	conf.Logger = hclog.NewNullLogger()
	conf.HeartbeatTimeout, conf.ElectionTimeout = 20*time.Millisecond, 20*time.Millisecond
	conf.LeaderLeaseTimeout, conf.CommitTimeout = 20*time.Millisecond, time.Millisecond
	conf.SnapshotThreshold, conf.TrailingLogs = 1<<62, 15
	address, transport := raft.NewInmemTransport("")
	cluster := raft.Configuration{Servers: []raft.Server{{ID: "a", Address: address}}}
	if exists, err := raft.HasExistingState(s, s, snapshots); err != nil {
		t.Fatal(err)
	} else if !exists {
		if err := raft.BootstrapCluster(conf, s, s, snapshots, transport, cluster); err != nil {
			t.Fatal(err)
		}
	}
	machine := &recorder{}
	r, err := raft.NewRaft(conf, machine, s, s, snapshots, transport)
	if err != nil {
		t.Fatal(err)
	}
	for leads := false; !leads; {
		leads = <-r.LeaderCh()
	}
	return r, machine
}

// TestRaft runs the real library on the store: append, compact every ten entries, crash, and restore over everything.
func TestRaft(t *testing.T) {
	fs := vfs.NewCrashableMem()
	o := Options{TruncateEvery: 25}
	snapshots := raft.NewInmemSnapshotStore()
	s := mustOpen(t, fs, o)
	r, _ := startRaft(t, s, snapshots)
	for i := 1; i <= 100; i++ {
		check(t, r.Apply(fmt.Append(nil, i), time.Minute).Error())
		if i%10 == 0 {
			check(t, r.Snapshot().Error())
		}
	}
	first, last := bounds(t, s)
	if left := onDisk(t, s); last-first >= 30 || len(left) >= 70 {
		t.Fatalf("log is %d..%d, and %d entries are on disk", first, last, len(left))
	}

	crashed := crashClone(fs, 0, 1)
	check(t, r.Shutdown().Error())
	mustClose(t, s)
	s = mustOpen(t, crashed, o)
	r, machine := startRaft(t, s, snapshots)
	check(t, r.Barrier(time.Minute).Error())
	if got := len(machine.mu.applied); got != 100 || string(machine.mu.applied[99]) != "100" {
		t.Fatalf("%d entries after a crash", got)
	}

	last, _ = s.LastIndex()
	meta := &raft.SnapshotMeta{Version: 1, Index: last + 1000, Term: 1, Size: 3}
	check(t, r.Restore(meta, bytes.NewBufferString("x y"), time.Minute)) // Raft restores, and burns an index
	check(t, r.Apply([]byte("z"), time.Minute).Error())
	if first, _ := s.FirstIndex(); first <= last {
		t.Fatalf("log starts at %d, before the restored snapshot", first)
	}
	check(t, r.Shutdown().Error())
	if got := string(bytes.Join(machine.mu.applied, []byte(" "))); got != "x y z" {
		t.Fatalf("machine has %q", got)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
