package replica

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/storage"
	"cairn/storage/layout"
	"cairn/storage/raftlog"
	"cairn/storage/raftlog/raftlogtest"
)

// lone is a member of a cluster of three whose other members are the test.
type lone struct {
	t testing.TB
	r *Replica
}

func newLone(t testing.TB) *lone {
	t.Helper()
	return newMember(t, Peer{"n1", "a1"}, Peer{"n2", "a2"}, Peer{"n3", "a3"})
}

func newMember(t testing.TB, peers ...Peer) *lone {
	t.Helper()
	return startMember(t, raftlogtest.InMemory(t), time.Hour, peers...)
}

// restartedAlone is a log of which the only voter n1 has been the owner before.
func restartedAlone(t testing.TB) *raftlog.Store {
	t.Helper()
	log := raftlogtest.InMemory(t)
	members := raft.Configuration{Servers: []raft.Server{{ID: "n1", Address: "a1"}}}
	if err := errors.Join(
		log.StoreLog(&raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(members)}),
		log.SetUint64([]byte("CurrentTerm"), 1),
	); err != nil {
		t.Fatal(err)
	}
	return log
}

func startMember(t testing.TB, log *raftlog.Store, heartbeat time.Duration, peers ...Peer) *lone {
	t.Helper()
	s, err := storage.Open("/state", storage.Options{FS: vfs.NewMem(), MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Start(Options{
		ID: "n1", Addr: "a1", Origin: Origin{Peers: peers}, Timing: Timing{Heartbeat: heartbeat}, Bounds: Bounds{TrailingLogs: 8},
		Machine: fsm.New(fsm.Options{Store: s, SnapshotEntries: 1 << 40}), Snapshots: fsm.NewSnapshots(s), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(r.Close(), s.Close()) })
	return &lone{t, r}
}

// ask sends a request as a peer does, behind the transport's network, and returns the answer.
func (l *lone) ask(command any, stream []byte) any {
	l.t.Helper()
	answer := make(chan raft.RPCResponse, 1)
	request := raft.RPC{Command: command, Reader: bytes.NewReader(stream), RespChan: answer}
	l.r.transport.Take(request)
	select {
	case a := <-answer:
		if a.Error != nil {
			l.t.Fatal(a.Error)
		}
		return a.Response
	case <-time.After(10 * time.Second):
		l.t.Fatal("no answer")
	}
	return nil
}

var leaderHeader = raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("n2"), Addr: []byte("a2")}

// append sends entries from to last of a term, after one of prevTerm.
func (l *lone) append(term, prevTerm, from, last, commit uint64) *raft.AppendEntriesResponse {
	l.t.Helper()
	req := &raft.AppendEntriesRequest{
		RPCHeader: leaderHeader, Term: term, PrevLogEntry: from - 1, PrevLogTerm: prevTerm, LeaderCommitIndex: commit,
	}
	data := entry.Append(nil, entry.Entry{Groups: []entry.Group{{Calls: []entry.Call{{Argv: [][]byte{[]byte(command.TickName)}}}}}})
	for i := from; i <= last; i++ {
		req.Entries = append(req.Entries, &raft.Log{Index: i, Term: term, Type: raft.LogCommand, Data: data})
	}
	return l.ask(req, nil).(*raft.AppendEntriesResponse)
}

// install sends a snapshot that ends with an entry of a term; its state has applied that and more.
func (l *lone) install(term, index, applied uint64) *raft.InstallSnapshotResponse {
	l.t.Helper()
	s, err := storage.Open("/state", storage.Options{FS: vfs.NewMem(), MemTableBytes: 1 << 20})
	if err != nil {
		l.t.Fatal(err)
	}
	defer s.Close()
	txn, err := s.Begin()
	if err == nil {
		err = txn.Commit(storage.Applied{Index: applied, Term: term})
	}
	members := raft.EncodeConfiguration(raft.Configuration{Servers: l.r.servers()})
	if err == nil {
		err = s.SaveRecord(layout.Record{Index: index, Term: term, ConfigIndex: 1, ConfigVersion: 1, Config: members})
	}
	if err != nil {
		l.t.Fatal(err)
	}
	c, err := s.Checkpoint()
	if err != nil {
		l.t.Fatal(err)
	}
	defer c.Close()
	var stream bytes.Buffer
	if _, err := stream.ReadFrom(c); err != nil {
		l.t.Fatal(err)
	}
	req := &raft.InstallSnapshotRequest{
		RPCHeader: leaderHeader, SnapshotVersion: 1, Term: term, LastLogIndex: index, LastLogTerm: term,
		Configuration: members, ConfigurationIndex: 1, Size: int64(stream.Len()),
	}
	return l.ask(req, stream.Bytes()).(*raft.InstallSnapshotResponse)
}

// has reports whether the log holds an entry of a term.
func (l *lone) has(index, term uint64) bool {
	var e raft.Log
	return l.r.o.Log.GetLog(index, &e) == nil && e.Term == term
}

// TestRestartedAloneIsNotFresh: the only voter, restarted, has in its log what it has acknowledged, and perhaps not
// in its state. Before it leads, nothing is known to be committed.
func TestRestartedAloneIsNotFresh(t *testing.T) {
	l := startMember(t, restartedAlone(t), time.Hour, Peer{"n1", "a1"})
	l.r.machine.Apply(&raft.Log{Index: 1, Term: l.r.raft.CurrentTerm(), Type: raft.LogConfiguration})
	if l.r.raft.State() == raft.Leader {
		t.Fatal("it leads before its heartbeat time-out")
	}
	if l.r.reader.fresh(time.Hour) {
		t.Error("it takes its state for current")
	}
}

// TestLateSnapshot: a snapshot that brings nothing, for the network has held it up, leaves the entries behind it in
// the log. This node has answered for them.
func TestLateSnapshot(t *testing.T) {
	l := newLone(t)
	if a := l.append(5, 1, 2, 20, 9); !a.Success {
		t.Fatalf("the entries are refused: %+v", a)
	}
	for _, at := range []uint64{9, 12, 20} { // applied, and only in the log
		if a := l.install(5, at, at); !a.Success {
			t.Errorf("a snapshot at %d is refused: %+v", at, a)
		}
		if !l.has(20, 5) || !l.has(2, 5) {
			t.Fatalf("a snapshot at %d has emptied the log", at)
		}
	}
	if a := l.append(5, 5, 21, 22, 22); !a.Success || !l.has(22, 5) {
		t.Errorf("the log does not go on: %+v", a)
	}
	if n := l.r.machine.Restored(); n > 0 {
		t.Errorf("%d snapshots were restored", n)
	}
}

// TestNeededSnapshot: one that goes further than the log, or that is of another history, becomes the state.
func TestNeededSnapshot(t *testing.T) {
	for name, c := range map[string]struct{ own, index, applied uint64 }{
		"further":       {own: 20, index: 30, applied: 30},
		"newer inside":  {own: 20, index: 30, applied: 33},
		"other history": {own: 20, index: 15, applied: 15},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLone(t)
			l.append(5, 1, 2, c.own, 3)
			if a := l.install(6, c.index, c.applied); !a.Success {
				t.Errorf("it is refused: %+v", a)
			}
			if got := l.r.machine.Applied().Index; got != c.applied {
				t.Errorf("the state has applied %d, want %d", got, c.applied)
			}
			if l.has(20, 5) {
				t.Error("entries of another history are in the log")
			}
		})
	}
}

// TestOldSnapshot: one of a term that is over changes nothing.
func TestOldSnapshot(t *testing.T) {
	l := newLone(t)
	l.append(5, 1, 2, 20, 3)
	if a := l.install(4, 30, 30); a.Success || a.Term != 5 {
		t.Errorf("it is answered %+v", a)
	}
	if !l.has(20, 5) || l.r.machine.Restored() > 0 {
		t.Error("it was restored")
	}
}

// TestAppendBehind: entries are taken though their predecessor is compacted.
func TestAppendBehind(t *testing.T) {
	l := newLone(t)
	if a := l.install(5, 30, 33); !a.Success {
		t.Fatalf("the snapshot is refused: %+v", a)
	}
	if a := l.append(5, 5, 31, 35, 31); !a.Success { // the log begins with 31 now
		t.Fatalf("the entries after it are refused: %+v", a)
	}
	for _, from := range []uint64{31, 28, 1} {
		if a := l.append(5, 5, from, 36, 36); !a.Success || !l.has(36, 5) || l.has(30, 5) {
			t.Errorf("entries from %d on: %+v", from, a)
		}
	}
	if a := l.append(5, 5, 20, 25, 36); !a.Success || !l.has(36, 5) {
		t.Errorf("entries that are all compacted: %+v", a)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := l.r.machine.WaitApplied(ctx, 36); err != nil {
		t.Errorf("the state has applied %d, want 36", l.r.machine.Applied().Index)
	}
}

// TestCommitBound: entries behind those of a request may be another leader's, and are not committed by it.
func TestCommitBound(t *testing.T) {
	l := newLone(t)
	l.append(5, 1, 2, 20, 3)
	l.append(6, 5, 11, 10, 15) // no entries: it is about the first 10
	if got := l.r.raft.CommitIndex(); got != 10 {
		t.Errorf("committed up to %d, want 10", got)
	}
	if a := l.append(6, 5, 11, 14, 15); !a.Success || l.has(15, 5) {
		t.Errorf("the other leader's entries are there: %+v", a)
	}
	if got := l.r.raft.CommitIndex(); got != 14 {
		t.Errorf("committed up to %d, want 14", got)
	}
}
