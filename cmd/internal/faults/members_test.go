//go:build linux

package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"cairn/fsm/reply"
)

// TestMembers: one node becomes three, five and three again, and gets a new disk, while the network between the nodes
// is cut in the middle of each step. Clients go on meanwhile; their histories are checked after every step.
func TestMembers(t *testing.T) {
	t.Parallel()
	seed, rng := newSeed(t)
	c := newNetworked(t, seed, 5)
	c.prepare("--election-wait", "1s")
	c.nodes[0].start()
	c.leader()
	l := startLoad(c, seed, 6)
	step := func(what string, do func()) {
		t.Helper()
		begin := time.Now()
		l.more(20)
		do()
		c.lan.heal()
		c.leader()
		l.more(20)
		l.turn()
		t.Logf("%s: %v; so far %s", what, time.Since(begin).Round(time.Millisecond), l.checked)
	}
	step("n2 joins", func() { c.join(1, 0); c.voters(2) })
	step("n3 joins by n2, and loses it", func() {
		c.join(2, 1)
		c.moment(rng, apart(2, 1))
		c.voters(3)
	})
	step("n4 joins, cut off for a moment", func() {
		c.join(3, 0)
		c.moment(rng, alone(3))
		c.voters(4)
	})
	step("n5 joins, and the leader is cut off", func() {
		c.join(4, 3, "--leave-on-exit")
		c.moment(rng, alone(c.leader()))
		c.voters(5)
	})
	step("CLUSTER FAILOVER to a node that then loses the leader", func() {
		to := c.follower(rng)
		c.ask(to, "CLUSTER", "FAILOVER") // it may be refused, or time out
		c.moment(rng, apart(to, c.leader()))
	})
	step("n5 leaves while it cannot reach the leader", func() {
		c.follows(4)
		cut := apart(4, c.leader())
		c.lan.set(cut)
		c.nodes[4].signal(syscall.SIGTERM)
		c.moment(rng, cut)
		if code := c.nodes[4].wait(); code != 0 {
			t.Errorf("exit code %d of a node that leaves", code)
		}
		c.voters(4)
	})
	step("n4 is forgotten while nobody can tell it", func() {
		c.follows(3)
		c.lan.set(alone(3))
		until(t, "the leader to forget it", time.Minute, func() bool {
			said := string(c.ask(c.leader(), "CLUSTER", "FORGET", id(3)).Str)
			return said == "OK" || strings.Contains(said, "Unknown node") // an answer may have been lost
		})
		c.voters(3)
		c.lan.heal()
		until(t, "the removed node to say so", time.Minute, func() bool {
			return strings.Contains(string(c.ask(3, "GET", "k").Str), "was removed")
		})
		c.nodes[3].end(syscall.SIGKILL)
	})
	step("n3 comes back on an empty disk, and loses the leader", func() {
		c.follows(2)
		p := c.nodes[2]
		p.end(syscall.SIGKILL)
		p.dir = t.TempDir()
		p.start()
		c.moment(rng, apart(2, c.leader()))
		c.caughtUp(2)
	})
	l.finish()
	t.Log(l.checked)
}

// join starts a node that asks another to let it in.
func (c *cluster) join(node, via int, flags ...string) {
	p := c.nodes[node]
	p.args = append(append(p.args, "--join", c.nodes[via].addr), flags...)
	p.start()
}

// follows has a node hand its leadership over.
func (c *cluster) follows(node int) {
	for c.leader() == node {
		c.ask(c.followers(node)[0], "CLUSTER", "FAILOVER")
	}
}

// voters waits until the leader knows of so many.
func (c *cluster) voters(n int) {
	c.t.Helper()
	until(c.t, fmt.Sprint(n, " voters"), time.Minute, func() bool {
		at := c.leading()
		return at >= 0 && c.nodes[at].info("raft_num_voters") == fmt.Sprint(n)
	})
}

// moment breaks links soon, for up to a second.
func (c *cluster) moment(rng *rand.Rand, links func(from, to int) link) {
	<-time.After(time.Duration(rng.IntN(150)) * time.Millisecond)
	c.lan.set(links)
	<-time.After(time.Duration(200+rng.IntN(800)) * time.Millisecond)
	c.lan.heal()
}

// alone cuts a node off from all others.
func alone(node int) func(from, to int) link {
	return func(from, to int) link { return link{cut: from == node+1 || to == node+1} }
}

// apart cuts two nodes off from each other.
func apart(a, b int) func(from, to int) link {
	return func(from, to int) link { return link{cut: from == a+1 && to == b+1 || from == b+1 && to == a+1} }
}

// ask sends a command to a node and returns its answer, of no kind when none comes.
func (c *cluster) ask(node int, words ...string) reply.Reply {
	cl, err := c.nodes[node].dial(opLimit)
	if err != nil {
		return reply.Reply{}
	}
	defer cl.Close()
	r, err := cl.Cmd(words...)
	if err != nil {
		return reply.Reply{}
	}
	return r
}
