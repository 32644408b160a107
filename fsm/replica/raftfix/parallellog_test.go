package raftfix

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/fsm/entry"
	"cairn/storage"
	"cairn/storage/raftlog"
	"cairn/storage/raftlog/raftlogtest"
)

// syncGate holds up those who come while it is closed.
type syncGate struct {
	mu   sync.Mutex
	shut chan struct{} // nil while it is open
}

func (g *syncGate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = make(chan struct{})
}

func (g *syncGate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

func (g *syncGate) pass() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
}

// diskTest is a disk of a leader that stands still when g is closed.
type diskTest struct {
	*ParallelLog
	t *testing.T
	g *syncGate
}

// inDiskTest runs fn in a bubble; the log holds an entry that begins term 1.
func inDiskTest(t *testing.T, fn func(d diskTest)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g, leads := &syncGate{}, false
		log := raftlogtest.Gated(t, g.pass)
		d := diskTest{NewParallelLog(log, func() bool { return leads }), t, g}
		d.Load()
		d.store(1, 1, raft.LogNoop)
		leads = true
		fn(d)
		g.open()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (d diskTest) store(index, term uint64, kind raft.LogType) {
	d.t.Helper()
	if err := d.StoreLogs([]*raft.Log{{Index: index, Term: term, Type: kind}}); err != nil {
		d.t.Error(err)
	}
}

// wantSynced looks at what the others may be told.
func (d diskTest) wantSynced(want uint64) {
	d.t.Helper()
	synctest.Wait()
	if got := d.Clamp(100); got != want {
		d.t.Errorf("synced up to %d, want %d", got, want)
	}
}

// TestEarly: a leader's commands are stored before they are on its disk, and who needs them there waits.
func TestEarly(t *testing.T) {
	inDiskTest(t, func(d diskTest) {
		d.g.close()
		d.store(2, 1, raft.LogCommand)
		d.wantSynced(1)
		if got := d.Clamp(1); got != 1 {
			t.Errorf("1 becomes %d", got)
		}
		done := make(chan string, 5)
		go func() { d.Await(); done <- "await" }()
		go func() { d.awaitEarly(); done <- "awaitEarly" }()
		go func() { done <- fmt.Sprint("awaitSynced ", d.awaitSynced(2)) }()
		go func() { d.store(3, 1, raft.LogConfiguration); done <- "a configuration" }()
		synctest.Wait()
		if len(done) > 0 {
			t.Errorf("%s did not wait", <-done)
		}
		if got := d.awaitSynced(1); got != 1 {
			t.Errorf("synced up to %d", got)
		}
		d.g.open()
		d.wantSynced(3)
		if len(done) != 4 {
			t.Errorf("%d do not wait any more", len(done))
		}
	})
}

// TestEarlyGone: an entry that takes the place of a deleted one is not on the disk because that one was.
func TestEarlyGone(t *testing.T) {
	inDiskTest(t, func(d diskTest) {
		d.store(2, 1, raft.LogCommand)
		d.store(3, 1, raft.LogCommand)
		d.wantSynced(3)
		if err := d.DeleteRange(2, 3); err != nil {
			t.Fatal(err)
		}
		d.awaitEarly()
		d.g.close()
		d.store(2, 2, raft.LogCommand)
		d.wantSynced(1)
		if err := d.StoreLogs([]*raft.Log{{Index: 4, Term: 2}}); err == nil {
			t.Error("a gap is stored")
		}
		d.wantSynced(1)
		d.g.open()
		d.wantSynced(2)
		d.Await() // for nothing: the gap was no append
		d.g.close()
		d.store(3, 2, raft.LogCommand)
		d.beginAppend(3, 3, true) // as if 3 were stored again before the disk has told of the first
		d.g.open()
		d.wantSynced(2)
		d.done()
		d.wantSynced(3)
		if err := d.DeleteRange(1, 1); err != nil {
			t.Fatal(err)
		}
		d.wantSynced(3)
	})
}

// TestAnswersWhenSynced: another leader's append reaches Raft once all is on the disk that was stored without it.
func TestAnswersWhenSynced(t *testing.T) {
	inDiskTest(t, func(d diskTest) {
		tr := &Transport{store: d.ParallelLog, guard: NewVoteGuard(d.Store), appends: appendFilter{log: d.Store}, requests: make(chan raft.RPC, 1)}
		d.g.close()
		d.store(2, 1, raft.LogCommand)
		go tr.Take(raft.RPC{Command: &raft.AppendEntriesRequest{Term: 2, PrevLogEntry: 1, PrevLogTerm: 1, Entries: []*raft.Log{{Index: 2, Term: 1}}}})
		synctest.Wait()
		if len(tr.requests) != 0 {
			t.Error("this node answers for an entry that it may lose")
		}
		d.g.open()
		synctest.Wait()
		if len(tr.requests) != 1 {
			t.Error("the append has not arrived")
		}
	})
}

// TestAnswersAwaited: entries whose answers nobody waits for are applied, and have none.
func TestAnswersAwaited(t *testing.T) {
	log, err := raftlog.Open("/log", raftlog.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	m, awaited := syncedFSM{Machine: emptyMachine(t), store: NewParallelLog(log, func() bool { return false }), awaited: new(atomic.Int64)}, int64(0)
	for i, want := range []string{"<nil> <nil>", "[3] [4]", "<nil> <nil>", "[7] [8]"} {
		var logs []*raft.Log
		for n := range uint64(2) {
			incr := entry.Group{Calls: []entry.Call{{Argv: [][]byte{[]byte("incr"), []byte("n")}}}}
			logs = append(logs, &raft.Log{
				Index: uint64(2*i) + n + 1, Term: 1, Type: raft.LogCommand, Data: entry.Append(nil, entry.Entry{Groups: []entry.Group{incr}}),
			})
		}
		if err := m.store.StoreLogs(logs); err != nil {
			t.Fatal(err)
		}
		m.awaited.Store(awaited)
		awaited = 1 - awaited
		answers := m.ApplyBatch(logs)
		for j, a := range answers {
			if results, ok := a.(fsm.Results); ok {
				answers[j] = []int64{results[0].Int}
			}
		}
		if got := fmt.Sprintln(answers...); got != want+"\n" {
			t.Errorf("batch %d: %s", i, got)
		}
	}
}

func emptyMachine(t *testing.T) *fsm.Machine {
	s, err := storage.Open("/state", storage.Options{FS: vfs.NewMem(), MemTableBytes: 256 << 10, CacheBytes: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return fsm.New(fsm.Options{Store: s})
}
