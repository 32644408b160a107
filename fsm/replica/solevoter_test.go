package replica

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// TestStandsAtOnce: the only voter waits for nobody when it begins its cluster, or has noted that it led alone;
// otherwise another node may hold a lease still.
func TestStandsAtOnce(t *testing.T) {
	self := Peer{"n1", "a1"}
	leads := func(l *lone) func() bool { return func() bool { return l.r.raft.State() == raft.Leader } }
	t.Run("first", func(t *testing.T) {
		l := newMember(t, self)
		eventually(t, "it leads before its heartbeat time-out", leads(l))
	})
	t.Run("noted", func(t *testing.T) {
		log := restartedAlone(t)
		if err := log.SetUint64(soleVoterKey, 1); err != nil {
			t.Fatal(err)
		}
		l := startMember(t, log, time.Hour, self)
		eventually(t, "it leads before its heartbeat time-out", leads(l))
	})
	t.Run("not noted", func(t *testing.T) {
		l := startMember(t, restartedAlone(t), time.Hour, self)
		// By the time Raft answers it has begun with all that Start has asked of it.
		if err := l.r.raft.VerifyLeader().Error(); !errors.Is(err, raft.ErrNotLeader) || l.r.raft.State() != raft.Follower {
			t.Errorf("it stands before its heartbeat time-out (%v)", err)
		}
	})
}

// TestRecordsSoleVoter: the only voter notes that it leads, a heartbeat time-out after it began to, and takes that back
// before it changes the configuration; then it does not say so again.
func TestRecordsSoleVoter(t *testing.T) {
	l := startMember(t, restartedAlone(t), 50*time.Millisecond, Peer{"n1", "a1"})
	noted := func() bool {
		v, err := l.r.o.Log.GetUint64(soleVoterKey)
		if err != nil {
			t.Fatal(err)
		}
		return v == 1
	}
	eventually(t, "it notes that it leads alone", noted)
	var proposed bool
	l.r.standing.admin.membership.change(func() raft.IndexFuture {
		proposed = true
		if noted() {
			t.Error("a change is proposed, and the log says that the node is alone")
		}
		return l.r.raft.AddNonvoter("n2", "a2", 0, time.Second)
	})
	if !proposed {
		t.Error("nothing was proposed")
	}
	if err := l.r.founding.soleVoter.record(); err != nil || noted() {
		t.Errorf("it notes that it is alone after a change (err %v)", err)
	}
}

// TestSettled: a configuration that is looked at has an index, and a change of it that rests on an older one is
// refused.
func TestSettled(t *testing.T) {
	l := newMember(t, Peer{"n1", "a1"})
	eventually(t, "it leads", func() bool { return l.r.raft.State() == raft.Leader && l.r.ready() })
	before, ok := l.r.settled(context.Background())
	if !ok || before.index != 1 || len(before.servers) != 1 {
		t.Fatalf("the configuration is %+v, settled %v", before, ok)
	}
	if v := l.r.standing.admin.membership.change(func() raft.IndexFuture { return l.r.raft.AddNonvoter("n2", "a2", before.index, time.Second) }); !v.Done {
		t.Fatalf("a learner is not added: %+v", v)
	}
	if v := l.r.standing.admin.membership.change(func() raft.IndexFuture { return l.r.raft.AddNonvoter("n3", "a3", before.index, time.Second) }); v.Done {
		t.Error("a change that rests on an older configuration was made")
	}
	after, ok := l.r.settled(context.Background())
	if !ok || after.index <= before.index || len(after.servers) != 2 {
		t.Errorf("the configuration is %+v, settled %v", after, ok)
	}
}

// TestUnsettled: while a change is not committed there is no settled configuration, and nobody is told that it was
// removed.
func TestUnsettled(t *testing.T) {
	c, leader := newTrio(t, 3*time.Second) // it is to lead to the end, and hears of nobody meanwhile
	other := ""
	for id := range c.nodes {
		c.sent[id].close() // whatever a leader sends stays with it
		if id != leader.o.ID {
			other = id
		}
	}
	leader.raft.DemoteVoter(raft.ServerID(other), 0, time.Second)
	eventually(t, "the configuration is the new one", func() bool { return len(leader.voters()) == 2 })
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if m, ok := leader.settled(ctx); ok {
		t.Errorf("%+v is taken for committed", m)
	}
	if v := leader.standing.admin.membership.tellMembership(ctx, request{ID: "n5"}); v.Removed || v.Wait == "" {
		t.Errorf("a node is told %+v", v)
	}
}
