package resp

import (
	"errors"
	"testing"

	"cairn/fsm/replica"
)

// TestClusterChange holds what the subcommands ask of the backend, and what its answers become.
func TestClusterChange(t *testing.T) {
	b := &fakeBackend{}
	b.setStatus(replica.Status{ID: "n5", State: "follower"})
	_, addr := startServer(t, Options{Backend: b})
	c := dial(t, addr)
	for _, test := range []struct {
		call string
		want replica.Change
	}{
		{"CLUSTER MEET h 7001", replica.Change{Kind: replica.Meet, Addr: "h:7001"}},
		{"CLUSTER MEET ::1 7001 17001", replica.Change{Kind: replica.Meet, Addr: "[::1]:7001"}},
		{"CLUSTER FORGET n2", replica.Change{Kind: replica.Forget, ID: "n2"}},
		{"CLUSTER FORGET n2 force", replica.Change{Kind: replica.Forget, ID: "n2", Force: true}},
		{"CLUSTER FORGET MYSELF", replica.Change{Kind: replica.Forget, ID: "n5"}},
		{"CLUSTER FAILOVER", replica.Change{Kind: replica.Failover}},
		{"CLUSTER FAILOVER TAKEOVER", replica.Change{Kind: replica.Failover, Force: true}},
		{"CLUSTER REPLICATE n1", replica.Change{Kind: replica.Demote, ID: "n1"}},
		{"CLUSTER REPLICATE no one", replica.Change{Kind: replica.Promote}},
	} {
		c.ask(test.call+"\r\n", "+OK\r\n")
		b.mu.Lock()
		if got := b.mu.changes[len(b.mu.changes)-1]; got != test.want {
			t.Errorf("%s asks %+v, want %+v", test.call, got, test.want)
		}
		b.mu.Unlock()
	}
	for err, want := range map[error]string{
		replica.Refusal("Unknown node x"): "ERR Unknown node x",
		replica.ErrNoLeader:               string(errNoLeader),
		replica.ErrClosed:                 string(errClosed),
		errors.New("late"):                "ERR not done yet, and perhaps not to be: late; see CLUSTER NODES and try again",
	} {
		b.mu.Lock()
		b.mu.refuse = err
		b.mu.Unlock()
		c.ask("CLUSTER FORGET x\r\n", "-"+want+"\r\n")
	}
	b.setStatus(replica.Status{State: "leader"})
	c.ask("CLUSTER FAILOVER\r\n", "-ERR You should send CLUSTER FAILOVER to a replica\r\n")
}

// TestOutside: a node that serves nothing says why, and a removed one sends clients to the others.
func TestOutside(t *testing.T) {
	b := &fakeBackend{}
	st := threeNodes()
	st.Standing, st.Members = replica.Removed, st.Members[1:] // it is n2
	b.setStatus(st)
	_, addr := startServer(t, Options{Backend: b, Advertise: "10.0.0.9:7009"})
	c := dial(t, addr)
	if got := len(c.do("CLUSTER", "SLOTS").Elems[0].Elems); got != 4 {
		t.Errorf("a removed node shows %d nodes", got-2)
	}
	b.setStatus(replica.Status{Standing: replica.Joining})
	c.ask("CLUSTER SLOTS\r\n", "*0\r\n")
}
