package resp

import (
	"context"
	"fmt"
	"testing"

	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// TestClusterSlotReads holds what the subcommands about a slot's keys ask the backend.
func TestClusterSlotReads(t *testing.T) {
	var asked string
	var fault error
	b := &fakeBackend{read: func(_ context.Context, c replica.Consistency, calls []entry.Call) ([]reply.Reply, error) {
		asked = fmt.Sprintf("%d %d %q", c, calls[0].DB, calls[0].Argv)
		return []reply.Reply{reply.Int(int64(len(calls)))}, fault
	}}
	b.setStatus(threeNodes())
	_, addr := startServer(t, Options{Backend: b, Consistency: replica.Lease})
	c := dial(t, addr)
	for _, test := range []struct{ before, call, want string }{
		{"", "CLUSTER COUNTKEYSINSLOT 5", `1 0 ["` + command.SlotCountName + `" "5"]`},
		{"SELECT 3", "cluster getkeysinslot 16384 x", `1 3 ["` + command.SlotKeysName + `" "16384" "x"]`},
		{"READONLY", "CLUSTER COUNTKEYSINSLOT 5", `2 3 ["` + command.SlotCountName + `" "5"]`},
	} {
		if test.before != "" {
			c.ask(test.before+"\r\n", "+OK\r\n")
		}
		c.ask(test.call+"\r\n", ":1\r\n")
		if asked != test.want {
			t.Errorf("%s: asked %s, want %s", test.call, asked, test.want)
		}
	}
	for err, want := range map[error]string{
		replica.ErrNoLeader:  string(errNoLeader),
		replica.ErrNoQuorum:  string(errNoQuorum),
		replica.ErrNotLeader: "MOVED 0 10.0.0.1:7001",
		replica.ErrStale:     "MOVED 0 10.0.0.1:7001",
	} {
		fault = err
		c.ask("CLUSTER COUNTKEYSINSLOT 5\r\n", "-"+want+"\r\n")
	}
}

func TestClusterKeySlot(t *testing.T) {
	c := clusterClient(t, threeNodes())
	c.ask("CLUSTER KEYSLOT foo\r\n", ":12182\r\n")
	c.ask("CLUSTER KEYSLOT {foo}bar\r\n", ":12182\r\n")
}
