package replica

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/replica/link"
	"cairn/storage"
	"cairn/storage/raftlog/raftlogtest"
)

// TestYieldsByWord: at its operator's word a node does not stop, and is not taken for the member either.
func TestYieldsByWord(t *testing.T) {
	f := &founding{node: &node{o: Options{ID: "n1", Origin: Origin{NewCluster: true}}}}
	if r := f.yield(link.Hello{ID: "n2", To: "n1", Cluster: "c"}); r == nil || !errors.Is(r, link.ErrRefused) || !strings.Contains(r.Error(), "operator's word") {
		t.Errorf("it says %v", r)
	}
	if f.yielded.Load() {
		t.Error("it stops")
	}
}

// TestClusterIsNoted: a node knows its cluster from the start on, also where a kill has left its state behind, and
// never changes it.
func TestClusterIsNoted(t *testing.T) {
	m, log := fuzzMachine(t), raftlogtest.InMemory(t)
	call := entry.Call{Argv: [][]byte{[]byte(command.ClusterName), []byte("c")}}
	m.Apply(&raft.Log{Index: 1, Term: 1, Type: raft.LogCommand, Data: entry.Append(nil, entry.Entry{Groups: []entry.Group{{Calls: []entry.Call{call}}}})})
	f := &founding{node: &node{o: Options{ID: "n1", Log: log}, machine: m, ctx: t.Context(), log: slog.New(slog.DiscardHandler)}, cluster: &link.ClusterNote{}}
	if err := f.cluster.Load(log); err != nil {
		t.Fatal(err)
	}
	next := func() (string, [link.GenesisLen]byte) {
		var c link.ClusterNote
		if err := c.Load(log); err != nil {
			t.Fatal(err)
		}
		return c.ID(), c.Genesis()
	}
	f.noteCluster() // the state has it
	if id, _ := next(); id != "c" {
		t.Errorf("the next start knows cluster %q", id)
	}
	if same, err := f.cluster.Keep("d", [link.GenesisLen]byte{7}); same || err != nil {
		t.Errorf("another cluster: %v, %v", same, err)
	}
	if id, genesis := next(); id != "c" || genesis != [link.GenesisLen]byte{7} {
		t.Errorf("the next start knows cluster %q, %v", id, genesis)
	}
}

func fuzzMachine(t *testing.T) *fsm.Machine {
	s, err := storage.Open("/state", storage.Options{FS: vfs.NewMem(), MemTableBytes: 256 << 10, CacheBytes: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return fsm.New(fsm.Options{Store: s})
}
