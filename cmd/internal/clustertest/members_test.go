package clustertest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/node"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// brisk has time-outs for tests that wait for elections, on a machine that is busy.
func brisk(_ int, o *node.Options) { o.Heartbeat = 500 * time.Millisecond }

// members names the voters and the learners that node i knows of.
func members(c *clustertest.Cluster, i int) (voters, learners []string) {
	for _, m := range c.Node(i).Replica().Status().Members {
		if m.Voter {
			voters = append(voters, m.ID)
		} else {
			learners = append(learners, m.ID)
		}
	}
	slices.Sort(voters)
	return voters, learners
}

// wantVoters waits until node i knows of exactly these voters.
func wantVoters(t *testing.T, c *clustertest.Cluster, i int, want ...string) {
	t.Helper()
	clustertest.Eventually(t, fmt.Sprintf("%s to know the voters %v", c.ID(i), want), func() bool {
		voters, _ := members(c, i)
		return slices.Equal(voters, want)
	})
}

func wantError(t *testing.T, r reply.Reply, want string) {
	t.Helper()
	if r.Kind != reply.Error || !strings.Contains(string(r.Str), want) {
		t.Errorf("got kind %d %q, want an error with %q", r.Kind, r.Str, want)
	}
}

// put writes by way of whoever leads.
func put(t *testing.T, c *clustertest.Cluster, key, value string) {
	t.Helper()
	clustertest.Eventually(t, "a write to be acknowledged", func() bool {
		return c.Do(c.Leader(), "SET", key, value).Kind == reply.Status
	})
}

// get reads by way of whoever leads.
func get(t *testing.T, c *clustertest.Cluster, key string) (r reply.Reply) {
	t.Helper()
	clustertest.Eventually(t, "a read to be answered", func() bool {
		r = c.Do(c.Leader(), "GET", key)
		return r.Kind != reply.Error
	})
	return r
}

func wantOK(t *testing.T, r reply.Reply) {
	t.Helper()
	if r.Kind != reply.Status || string(r.Str) != "OK" {
		t.Fatalf("got kind %d %q, want OK", r.Kind, r.Str)
	}
}

// TestGrowAndShrink: one node becomes five and three again under load, and nothing is lost.
func TestGrowAndShrink(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Nodes: 1, Tune: brisk})
	c.Leader()
	load := c.StartLoad(4)
	for i := 1; i < 5; i++ {
		c.Add(c.Addr(i - 1))
		wantVoters(t, c, 0, []string{"n1", "n2", "n3", "n4", "n5"}[:i+1]...)
	}
	wantOK(t, c.Do(3, "CLUSTER", "FORGET", "n2"))
	wantOK(t, c.Do(2, "CLUSTER", "FORGET", replica.NodeID("n1")))
	wantVoters(t, c, 4, "n3", "n4", "n5")
	load.Stop()
	for _, gone := range []int{0, 1} {
		clustertest.Eventually(t, "the removed node to say so", func() bool {
			return c.Node(gone).Replica().Standing() == replica.Removed
		})
		wantError(t, c.Do(gone, "GET", "k"), "CLUSTERDOWN this node was removed")
		c.Stop(gone)
	}
	for i := 2; i < 5; i++ {
		load.Check(i)
	}
	c.Agree()
}

// TestJoinedNodesElect: nodes that have joined on empty disks elect a leader among them when the first one is gone.
func TestJoinedNodesElect(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Nodes: 1, Tune: brisk})
	put(t, c, "k", "v")
	c.Add(c.Addr(0))
	wantVoters(t, c, 0, "n1", "n2")
	c.Add(c.Addr(1)) // through a follower
	for i := range 3 {
		wantVoters(t, c, i, "n1", "n2", "n3")
	}
	c.Kill(0)
	wantBulk(t, get(t, c, "k"), "v")
	c.Kill(1)
	c.Start(1)
	c.Start(0)
	wantBulk(t, get(t, c, "k"), "v")
}

// TestMeet: a waiting node serves nothing, and comes in by an invitation, or by asking for one itself. A node that
// has a cluster of its own does not.
func TestMeet(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Nodes: 1, Tune: brisk})
	put(t, c, "k", "v")
	invited, asking := c.Add("wait"), c.Add("wait")
	wantError(t, c.Do(invited, "GET", "k"), "LOADING")
	wantError(t, c.Do(invited, "SET", "k", "w"), "LOADING")
	if r := c.Do(invited, "CLUSTER", "SLOTS"); r.Kind != reply.Array || len(r.Elems) != 0 {
		t.Errorf("CLUSTER SLOTS of a waiting node is %+v", r)
	}
	meet := func(i int, addr string) reply.Reply {
		host, port, _ := strings.Cut(addr, ":")
		return c.Do(i, "CLUSTER", "MEET", host, port)
	}
	wantError(t, meet(0, "10.0.0.9:6379"), "no node of Cairn")
	wantOK(t, meet(0, c.Addr(invited)))
	wantOK(t, meet(0, c.Addr(invited))) // a second time is no harm
	wantVoters(t, c, 0, "n1", "n2")
	wantOK(t, meet(asking, c.Addr(invited)))
	wantVoters(t, c, 0, "n1", "n2", "n3")
	for _, i := range []int{invited, asking} {
		clustertest.Eventually(t, "the new node to read", func() bool { return string(c.Do(i, "GET", "k").Str) == "v" })
	}

	stranger := clustertest.New(t, clustertest.Options{Nodes: 1, Tune: brisk, Net: c.Net, Base: 20})
	stranger.Do(stranger.Leader(), "SET", "mine", "1")
	wantError(t, meet(0, stranger.Addr(0)), "of cluster")
	wantBulk(t, stranger.Do(0, "GET", "mine"), "1")
}

// TestJoinRefused: a name or an address that is taken, and what cannot be reached.
func TestJoinRefused(t *testing.T) {
	first := ""
	c := clustertest.New(t, clustertest.Options{Nodes: 2, Tune: func(i int, o *node.Options) {
		brisk(i, o)
		switch i {
		case 2:
			o.ID = "n2"
		case 3:
			o.Advertise = first
		case 4:
			o.Advertise = "10.0.0.99:6379"
		}
	}})
	first = c.Addr(0)
	c.Leader()
	for _, want := range []string{"n2 is a member at " + c.Addr(1), "is member n1's"} {
		i := c.Add(c.Addr(1))
		select {
		case err := <-c.Node(i).Failed():
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		case <-time.After(clustertest.Patience):
			t.Errorf("the node is not refused, want %q", want)
		}
	}
	c.Add(c.Addr(0))
	quiet := time.NewTimer(time.Second)
	<-quiet.C // it goes on trying
	wantVoters(t, c, 0, "n1", "n2")
	if _, learners := members(c, 0); len(learners) > 0 {
		t.Errorf("a node that cannot be reached became a learner: %v", learners)
	}
}

// TestForget: the leader hands over before it goes, a majority of live voters must be left, and a node that was away
// learns that it was removed.
func TestForget(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Nodes: 4, Tune: brisk})
	leader := c.Leader()
	put(t, c, "k", "v")
	away := c.Followers(leader)[0]
	c.Kill(away)
	wantError(t, c.Do(leader, "CLUSTER", "FORGET", "nosuch"), "ERR Unknown node nosuch")
	wantOK(t, c.Do(c.Followers(leader)[0], "CLUSTER", "FORGET", c.ID(leader)))
	next := -1
	clustertest.Eventually(t, "another leader", func() bool {
		for i := range c.Len() {
			if i != leader && i != away && c.Node(i).Replica().Status().Ready {
				next = i
			}
		}
		return next >= 0
	})
	other := c.Followers(next)[0]
	if other == leader {
		other = c.Followers(next)[1]
	}
	wantError(t, c.Do(next, "CLUSTER", "FORGET", c.ID(other)), "1 of 2 voters answer, and 2 are needed")
	wantOK(t, c.Do(next, "CLUSTER", "FORGET", c.ID(away)))
	wantBulk(t, c.Do(next, "GET", "k"), "v")

	c.Start(away)
	for _, gone := range []int{leader, away} {
		clustertest.Eventually(t, "the removed node to say so", func() bool {
			return strings.Contains(string(c.Do(gone, "GET", "k").Str), "was removed")
		})
	}
	c.Stop(away)
	c.Start(away) // it remembers
	wantError(t, c.Do(away, "GET", "k"), "was removed")
	if term := c.Node(next).Replica().Status().Term; term > 100 {
		t.Errorf("the removed nodes have disturbed: term %d", term)
	}
}

// TestLearner: REPLICATE takes a node's vote, over restarts; NO ONE gives it back. A learner counts for nothing.
func TestLearner(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: brisk})
	leader := c.Leader()
	a, b := c.Followers(leader)[0], c.Followers(leader)[1]
	wantError(t, c.Do(a, "CLUSTER", "REPLICATE", replica.NodeID(c.ID(b))), "I can only replicate a master")
	wantError(t, c.Do(a, "CLUSTER", "REPLICATE", replica.NodeID(c.ID(a))), "Can't replicate myself")
	wantOK(t, c.Do(a, "CLUSTER", "REPLICATE", replica.NodeID(c.ID(leader))))
	wantError(t, c.Do(a, "CLUSTER", "FAILOVER"), "has no vote")
	c.Kill(a)
	c.Start(a)
	put(t, c, "k", "v")
	clustertest.Eventually(t, "the learner to follow", func() bool { return string(c.Do(a, "GET", "k").Str) == "v" })
	if voters, learners := members(c, leader); len(voters) != 2 || !slices.Equal(learners, []string{c.ID(a)}) {
		t.Fatalf("voters %v, learners %v", voters, learners)
	}
	c.Kill(b) // one of two voters: the learner does not make a majority
	clustertest.Eventually(t, "the lone voter to step down", func() bool {
		return c.Node(leader).Replica().Status().State != "leader"
	})
	c.Start(b)
	c.Leader()
	wantOK(t, c.Do(a, "CLUSTER", "REPLICATE", "NO", "ONE"))
	wantVoters(t, c, a, "n1", "n2", "n3")
}

// TestFailover makes each node the leader in turn, under load.
func TestFailover(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: slow})
	load := c.StartLoad(4)
	for round := range 6 {
		to := round % 3
		if c.Leader() == to {
			wantError(t, c.Do(to, "CLUSTER", "FAILOVER"), "You should send CLUSTER FAILOVER to a replica")
			continue
		}
		wantOK(t, c.Do(to, "CLUSTER", "FAILOVER"))
		if got := c.Leader(); got != to {
			t.Errorf("%s leads, want %s", c.ID(got), c.ID(to))
		}
	}
	load.Stop()
	c.Agree()
}

// TestHandOverLeavesNoDoubt: a leader that hands over has finished what it had begun.
func TestHandOverLeavesNoDoubt(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: slow})
	c.Leader()
	load := c.StartLoad(16)
	for range 30 {
		before := load.Acked()
		clustertest.Eventually(t, "writes", func() bool { return load.Acked() > before+50 })
		leader := c.Leader()
		wantOK(t, c.Do(c.Followers(leader)[0], "CLUSTER", "FAILOVER"))
	}
	load.Stop()
	if n := load.Doubts(); n > 0 {
		t.Errorf("%d writes were left in doubt", n)
	}
	c.Agree()
}

// TestFailoverForce: FORCE waits for the election when the leader is dead.
func TestFailoverForce(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: brisk})
	leader := c.Leader()
	to := c.Followers(leader)[0]
	c.Kill(leader)
	wantOK(t, c.Do(to, "CLUSTER", "FAILOVER", "FORCE"))
	if got := c.Leader(); got != to {
		t.Errorf("%s leads, want %s", c.ID(got), c.ID(to))
	}
}

// TestNewAddress: a node that comes back under its name and at another address is found there; one with an empty disk
// is not taken for it.
func TestNewAddress(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: brisk})
	leader := c.Leader()
	moved := c.Followers(leader)[0]
	c.Kill(moved)
	c.SetAddr(moved, "10.0.1.1:6379")
	c.Start(moved)
	put(t, c, "k", "v")
	clustertest.Eventually(t, "the moved node to follow", func() bool { return string(c.Do(moved, "GET", "k").Str) == "v" })
	for i := range c.Len() {
		clustertest.Eventually(t, "the new address to be known", func() bool {
			return slices.ContainsFunc(c.Node(i).Replica().Status().Members, func(m replica.Member) bool {
				return m.ID == c.ID(moved) && m.Addr == "10.0.1.1:6379" && m.Voter
			})
		})
	}
	c.Kill(moved)
	c.SetAddr(moved, "10.0.1.2:6379")
	c.SetDisk(moved, vfs.NewCrashableMem())
	c.SetJoin(moved, c.Addr(leader))
	c.Start(moved)
	select {
	case err := <-c.Node(moved).Failed():
		if !strings.Contains(err.Error(), "CLUSTER FORGET "+c.ID(moved)) {
			t.Error(err)
		}
	case <-time.After(clustertest.Patience):
		t.Error("an empty disk took a member's name")
	}
}

// TestReplaceDisk: a follower comes back on an empty disk, by --join or as it was; it votes again, and nothing is lost.
func TestReplaceDisk(t *testing.T) {
	for _, join := range []bool{false, true} {
		t.Run(fmt.Sprint("join=", join), func(t *testing.T) {
			c := clustertest.New(t, clustertest.Options{Tune: brisk})
			leader := c.Leader()
			load := c.StartLoad(2)
			lost := c.Followers(leader)[0]
			clustertest.Eventually(t, "writes", func() bool { return load.Acked() > 200 })
			c.Kill(lost)
			c.SetDisk(lost, vfs.NewCrashableMem())
			if join {
				c.SetJoin(lost, c.Addr(leader))
			}
			c.Start(lost)
			want := c.Node(leader).Replica().Status().AppliedIndex
			clustertest.Eventually(t, "the node to be a member", func() bool {
				s := c.Node(lost).Replica().Status()
				return s.Standing == replica.Belongs && s.AppliedIndex >= want
			})
			load.Stop()
			c.Settle()
			c.Kill(c.Followers(lost)[0])
			load.Check(c.Leader())
		})
	}
}

// TestJoinUnderLoad: the log is so short that it would be cut behind the stream while that is on its way. The node
// comes in while the load lasts.
func TestJoinUnderLoad(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Nodes: 1, Tune: func(i int, o *node.Options) {
		brisk(i, o)
		o.TrailingLogs, o.StreamRate = 64, 1<<20 // what is streamed is some hundred kilobytes
		o.ElectionWait = 20 * time.Second
	}})
	c.Leader()
	load := c.StartLoad(2)
	clustertest.Eventually(t, "writes", func() bool { return load.Acked() > 2000 })
	joined := c.Add(c.Addr(0))
	wantVoters(t, c, 0, "n1", "n2")
	if c.Node(joined).Restored() == 0 {
		t.Error("the node came in without a stream: the test shows nothing")
	}
	load.Stop()
	load.Check(joined)
	c.Agree()
}

// TestChangedPlaces: two members that come up at each other's address beside a leader that stays are found there.
func TestChangedPlaces(t *testing.T) {
	moved := false
	c := clustertest.New(t, clustertest.Options{Nodes: 5, Tune: func(i int, o *node.Options) {
		if brisk(i, o); moved { // they know their own new address, and no other's
			o.Peers = nil
		}
	}})
	leader := c.Leader()
	put(t, c, "k", "v")
	moved = true
	a, b := c.Followers(leader)[0], c.Followers(leader)[1]
	c.Kill(a)
	c.Kill(b)
	at := []string{c.Addr(b), c.Addr(a)}
	c.SetAddr(a, at[0])
	c.SetAddr(b, at[1])
	c.Start(a)
	c.Start(b)
	for _, i := range []int{a, b} {
		clustertest.Eventually(t, "the moved node to follow", func() bool { return string(c.Do(i, "GET", "k").Str) == "v" })
	}
	clustertest.Eventually(t, "the new addresses to be known", func() bool {
		members := c.Node(leader).Replica().Status().Members
		is := func(i int) bool {
			return slices.ContainsFunc(members, func(m replica.Member) bool { return m.ID == c.ID(i) && m.Addr == c.Addr(i) && m.Voter })
		}
		return is(a) && is(b)
	})
}
