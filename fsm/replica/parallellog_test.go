package replica

import (
	"testing"
	"time"

	"cairn/fsm/entry"
)

// TestSlowLeader: what a leader's disk does not have yet reaches the followers' disks, but nobody's state and no
// reply, and reads do not wait for it.
func TestSlowLeader(t *testing.T) {
	c, leader := newTrio(t, 3*time.Second)
	call := func(words ...string) (c entry.Call) {
		for _, w := range words {
			c.Argv = append(c.Argv, []byte(w))
		}
		return c
	}
	write := func(value string) error {
		_, err := leader.Write(t.Context(), []entry.Group{{Calls: []entry.Call{call("set", "k", value)}}})
		return err
	}
	read := func() string {
		t.Helper()
		got, err := leader.Read(t.Context(), Linearizable, []entry.Call{call("get", "k")})
		if err != nil {
			t.Fatal(err)
		}
		return string(got[0].Str)
	}
	if err := write("old"); err != nil {
		t.Fatal(err)
	}
	before := leader.machine.Applied().Index
	c.disks[leader.o.ID].close()
	written := make(chan error, 1)
	go func() { written <- write("new") }()
	eventually(t, "the followers to store", func() bool {
		stored := 0
		for _, r := range c.nodes {
			if last, _ := r.o.Log.LastIndex(); last > before {
				stored++
			}
		}
		return stored == 3
	})
	eventually(t, "Raft to count it as committed", func() bool { return leader.raft.CommitIndex() > before })
	if got := read(); got != "old" {
		t.Errorf("the leader reads %q", got)
	}
	for id, r := range c.nodes {
		if at := r.machine.Applied().Index; at > before {
			t.Errorf("%s has applied %d", id, at)
		}
	}
	if len(written) > 0 {
		t.Errorf("the write is answered: %v", <-written)
	}
	c.disks[leader.o.ID].open()
	if err := <-written; err != nil {
		t.Error(err)
	}
	if got := read(); got != "new" {
		t.Errorf("the leader reads %q afterwards", got)
	}
}
