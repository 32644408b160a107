package node

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"cairn/fsm/entry"
	"cairn/storage"
	"cairn/storage/layout"
	"cairn/storage/raftlog"
)

// TestFit: a directory whose parts contradict each other is refused, for Raft would serve a hole, vote twice, or panic.
func TestFit(t *testing.T) {
	for _, c := range []struct {
		name               string
		applied, record    uint64
		first, last, term  uint64
		identity, wantOpen bool
		restored           uint64
	}{
		{name: "new", wantOpen: true},
		{name: "no snapshot yet", applied: 3, first: 1, last: 5, term: 1, identity: true, wantOpen: true},
		{name: "the log goes on", applied: 9, record: 7, first: 8, last: 9, term: 1, identity: true, wantOpen: true},
		{name: "restored, log empty", applied: 9, record: 7, restored: 9, term: 1, identity: true, wantOpen: true},
		{name: "restored, log behind", applied: 9, record: 7, restored: 9, first: 1, last: 3, term: 1, identity: true, wantOpen: true},
		{name: "restored, log goes on", applied: 9, record: 7, restored: 9, first: 8, last: 8, term: 1, identity: true, wantOpen: true},
		{name: "end of the log lost", applied: 9, record: 5, first: 1, last: 7, term: 1, identity: true},
		{name: "end lost behind the snapshot", applied: 9, record: 7, first: 1, last: 3, term: 1, identity: true},
		{name: "log empty", applied: 9, record: 7, term: 1, identity: true},
		{name: "end lost after a restore", applied: 9, record: 5, restored: 8, first: 6, last: 7, term: 1, identity: true},
		{name: "hole", applied: 9, record: 7, first: 9, last: 9, term: 1, identity: true},
		{name: "hole at the front", applied: 0, first: 2, last: 5, term: 1, identity: true},
		{name: "snapshot ahead of state", applied: 5, record: 7, first: 8, last: 9, term: 1, identity: true},
		{name: "log lost", applied: 9, record: 7, identity: true},
		{name: "identity lost", applied: 3, first: 1, last: 5, term: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := vfs.NewMem()
			o := Options{Dir: "/data", FS: fs, Port: -1}.withDefaults()
			prepare(t, fs, c.applied, c.record, c.restored, c.first, c.last, c.term)
			if c.identity {
				if err := (identity{Format: 1, ID: "n1", Peers: []string{"n1"}}).writeFile(o); err != nil {
					t.Fatal(err)
				}
			}
			n, err := Start(context.Background(), o)
			if c.wantOpen != (err == nil) || (err != nil && !errors.Is(err, ErrRefused)) {
				t.Errorf("Start: %v", err)
			}
			if err == nil {
				if err := n.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// prepare writes a state and a log.
func prepare(t *testing.T, fs vfs.FS, applied, record, restored, first, last, term uint64) {
	t.Helper()
	s, err := storage.Open("/data/state", storage.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	members := raft.Configuration{Servers: []raft.Server{{ID: "n1", Address: "127.0.0.1:1"}}}
	r := layout.Record{Index: record, Term: 1, ConfigIndex: 1, ConfigVersion: 1, Config: raft.EncodeConfiguration(members)}
	for _, index := range []uint64{restored, applied} {
		if index == 0 {
			continue
		}
		txn, err := s.Begin()
		if err == nil {
			err = txn.Commit(storage.Applied{Index: index, Term: 1})
		}
		if err == nil && index == restored {
			err = s.Rewind(r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	save := s.SaveRecord
	if record > applied {
		save = s.Rewind // SaveRecord refuses
	}
	if record > 0 {
		if err := save(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := storage.MkdirAll(fs, "/data/log"); err != nil {
		t.Fatal(err)
	}
	log, err := raftlog.Open("/data/log", raftlog.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	for index := first; index > 0 && index <= last; index++ {
		l := &raft.Log{Index: index, Term: 1, Type: raft.LogNoop}
		if index == 1 {
			l.Type, l.Data = raft.LogConfiguration, raft.EncodeConfiguration(members)
		}
		if err := log.StoreLog(l); err != nil {
			t.Fatal(err)
		}
	}
	if term > 0 {
		if err := log.SetUint64([]byte("CurrentTerm"), term); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.Close(), log.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestFitAfterKill: the state of a node that was killed is behind, for commits wait in memory. When its log has lost
// its end meanwhile, to go on would forget what was acknowledged.
func TestFitAfterKill(t *testing.T) {
	fs := vfs.NewCrashableMem()
	o := Options{Dir: "/data", FS: fs, Port: -1}.withDefaults()
	n, err := Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	call := entry.Call{Argv: [][]byte{[]byte("set"), []byte("k"), []byte("v")}}
	for range 20 {
		if _, err := n.Replica().Write(context.Background(), []entry.Group{{Calls: []entry.Call{call}}}); err != nil {
			t.Fatal(err)
		}
	}
	applied := n.Replica().Status().AppliedIndex
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for said, began := uint64(0), time.Now(); said < applied; <-tick.C {
		if time.Since(began) > time.Minute {
			t.Fatalf("the store says that it has reached %d, and %d is applied", said, applied)
		}
		b, err := storage.ReadFile(fs, "/data/state/state-000001/REACHED")
		if err != nil {
			t.Fatal(err)
		}
		said = layout.ParseReached(b)
	}
	killed := func() *vfs.MemFS {
		return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
	}
	whole, cut := killed(), killed()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	log, err := raftlog.Open("/data/log", raftlog.Options{FS: cut})
	if err != nil {
		t.Fatal(err)
	}
	last, _ := log.LastIndex() // never fails
	if err := errors.Join(log.DeleteRange(last, last), log.Close()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		fs   *vfs.MemFS
		want error
	}{"whole": {whole, nil}, "cut": {cut, ErrRefused}} {
		o.FS = c.fs
		n, err := Start(context.Background(), o)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: Start: %v, want %v", name, err, c.want)
		}
		if err == nil && n.Close() != nil {
			t.Errorf("%s: Close failed", name)
		}
	}
}
