package replica

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// TestPairs: two members are a majority if both are voters, and those are not more than three.
func TestPairs(t *testing.T) {
	servers := func(voters, learners int) (all []raft.Server) {
		for i := range voters + learners {
			s := raft.Server{ID: raft.ServerID("n" + string(rune('1'+i)))}
			if i >= voters {
				s.Suffrage = raft.Nonvoter
			}
			all = append(all, s)
		}
		return all
	}
	for name, test := range map[string]struct {
		servers []raft.Server
		a, b    raft.ServerID
		want    bool
	}{
		"one":                         {servers(1, 0), "n1", "n1", false},
		"one and a learner":           {servers(1, 1), "n1", "n2", false},
		"two":                         {servers(2, 0), "n1", "n2", true},
		"three":                       {servers(3, 0), "n1", "n3", true},
		"three, and itself":           {servers(3, 0), "n1", "n1", false},
		"three, and a stranger":       {servers(3, 0), "n1", "n9", false},
		"three, of which it is none":  {servers(3, 0), "n9", "n1", false},
		"three, and a learner":        {servers(3, 1), "n1", "n4", false},
		"three, beside learners":      {servers(3, 2), "n1", "n3", true},
		"four":                        {servers(4, 0), "n1", "n3", false},
		"five":                        {servers(5, 0), "n1", "n3", false},
		"nobody":                      {nil, "n1", "n2", false},
		"two learners and one voter":  {servers(1, 2), "n2", "n3", false},
		"a leader that lost its vote": {servers(2, 1), "n3", "n1", false},
	} {
		if got := areMajority(votersOf(test.servers), test.a, test.b); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestOneRoundTrip: in a cluster of three, a follower's read waits for the leader alone, if it is in the leader's term.
func TestOneRoundTrip(t *testing.T) {
	for range 5 {
		if oneRoundTrip(t) {
			return
		}
	}
	t.Error("each time, leadership ended in the middle: the machine is too busy")
}

// oneRoundTrip is false when leadership ended before anything was shown.
func oneRoundTrip(t *testing.T) (conclusive bool) {
	c, leader := newTrio(t, 3*time.Second)
	defer c.openAll()
	term, follower := leader.raft.CurrentTerm(), (*Replica)(nil)
	eventually(t, "a follower that asks the leader", func() bool {
		for _, r := range c.nodes {
			if at, ok := r.leaderAt(); r != leader && ok && at.ID == leader.o.ID {
				follower = r
			}
		}
		if follower == nil {
			return false
		}
		_, err := follower.index.remote.join(false)
		return err == nil
	})
	for id := range c.nodes {
		if id != leader.o.ID {
			c.sent[id].close() // the leader asks nobody
		}
	}
	commit := leader.raft.CommitIndex()
	got, err := follower.index.remote.join(false) // a turn, beside the rounds of its progress
	still := func() bool { return leader.raft.State() == raft.Leader && leader.raft.CurrentTerm() == term }
	if !still() {
		return false
	}
	if err != nil || got.index < commit {
		t.Errorf("the leader, which has committed %d, says %d, %v", commit, got.index, err)
	}
	self := raft.ServerID(follower.o.ID)
	for name, test := range map[string]struct {
		by   raft.ServerID
		term uint64
		want bool
	}{
		"the leader's term":    {self, term, true},
		"the term before":      {self, term - 1, false},
		"the next term":        {self, term + 1, false},
		"no term":              {self, 0, false},
		"nobody":               {"", term, false},
		"the leader by itself": {raft.ServerID(leader.o.ID), term, false},
	} {
		if got := leader.index.agreed(test.by, test.term); got != test.want && still() {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, said := range map[string]uint64{"the term before": term - 1, "the next term": term + 1} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		at, _ := follower.leaderAt()
		a := &asker{l: follower.links}
		_, err := a.query(ctx, at, binary.BigEndian.AppendUint64([]byte{askIndex}, said)...)
		a.closeConn()
		cancel()
		if err == nil {
			t.Errorf("%s: the leader has asked nobody and says yes", name)
		}
	}
	return true
}

// TestTermQuestion: a node says its term, but not one that may have forgotten a later one.
func TestTermQuestion(t *testing.T) {
	r := newLone(t).r
	said := func() uint64 { return binary.BigEndian.Uint64(r.index.termQuestion()[1:]) }
	if got, want := said(), r.raft.CurrentTerm(); got != want || want == 0 {
		t.Errorf("it is in term %d and says %d", want, got)
	}
	if err := r.index.guard.Rejoin(); err != nil {
		t.Fatal(err)
	}
	if got := said(); got != 0 {
		t.Errorf("it has lost its past and says term %d", got)
	}
}

// TestNotReadyIsAsked: a leader that has not applied an entry of its term says so, whoever asks.
func TestNotReadyIsAsked(t *testing.T) {
	l := newLone(t)
	l.append(1, 0, 1, 5, 0)
	if _, err := l.r.index.current(); err != errNotReady {
		t.Errorf("with %+v applied in term %d: %v", l.r.machine.Applied(), l.r.raft.CurrentTerm(), err)
	}
	if _, err := l.r.index.asked("n2", l.r.raft.CurrentTerm()); err != ErrNotLeader {
		t.Errorf("a follower is asked: %v", err)
	}
}
