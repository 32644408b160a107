//go:build linux

package faults

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"cairn/cmd/internal/redistest"
	"cairn/fsm/reply"
)

// fault is something that happens to a cluster under load. It returns when the cluster has all it needs to go on.
type fault struct {
	name string
	do   func(c *cluster, l *load, rng *rand.Rand)
}

// signalFaults kill and stop processes.
func signalFaults() []fault {
	return []fault{
		{"kill -9 of the leader", func(c *cluster, l *load, _ *rand.Rand) { c.killed(l, 20, c.leader()) }},
		{"kill -9 of a follower", func(c *cluster, l *load, rng *rand.Rand) { c.killed(l, 20, c.follower(rng)) }},
		{"kill -9 of the leader and a follower", func(c *cluster, l *load, rng *rand.Rand) {
			c.killed(l, 0, c.leader(), c.follower(rng))
		}},
		{"kill -9 of all", func(c *cluster, l *load, _ *rand.Rand) { c.killed(l, 0, 0, 1, 2) }},
		{"kill -9 of the leader, again while it starts", func(c *cluster, l *load, rng *rand.Rand) {
			leader := c.leader()
			c.killed(l, 0, leader)
			<-time.After(time.Duration(rng.IntN(200)) * time.Millisecond)
			c.killed(l, 0, leader)
		}},
		{"SIGTERM to the leader", func(c *cluster, l *load, _ *rand.Rand) {
			p := c.nodes[c.leader()]
			if code := p.end(syscall.SIGTERM); code != 0 {
				c.t.Errorf("exit code %d after SIGTERM", code)
			}
			l.more(20)
			p.start()
		}},
		{"SIGSTOP of the leader beyond an election", func(c *cluster, l *load, _ *rand.Rand) { c.frozen(l) }},
		{"SIGSTOP of a follower", func(c *cluster, l *load, rng *rand.Rand) {
			p := c.nodes[c.follower(rng)]
			p.signal(syscall.SIGSTOP)
			l.more(20)
			<-time.After(time.Duration(rng.IntN(2000)) * time.Millisecond)
			p.signal(syscall.SIGCONT)
		}},
		{"SIGSTOP of all for a moment", func(c *cluster, l *load, rng *rand.Rand) {
			for _, p := range c.nodes {
				p.signal(syscall.SIGSTOP)
			}
			<-time.After(time.Duration(rng.IntN(1500)) * time.Millisecond)
			for _, i := range rng.Perm(len(c.nodes)) {
				c.nodes[i].signal(syscall.SIGCONT)
			}
		}},
	}
}

func (c *cluster) follower(rng *rand.Rand) int {
	f := c.followers(c.leader())
	return f[rng.IntN(len(f))]
}

// killed kills nodes, waits for writes that the others do, and starts the nodes again.
func (c *cluster) killed(l *load, writes int64, nodes ...int) {
	for _, i := range nodes {
		c.nodes[i].signal(syscall.SIGKILL) // all first, then wait
	}
	for _, i := range nodes {
		c.nodes[i].end(syscall.SIGKILL)
	}
	l.more(writes)
	for _, i := range nodes {
		c.nodes[i].start()
	}
}

// frozen stops the leader until another one has acknowledged a write. Reads wait in its sockets, sent after that
// write was acknowledged: once it goes on they must see the write, or be refused. A write that it refuses is never
// done.
func (c *cluster) frozen(l *load) {
	const readers = 8
	old := c.leader()
	p := c.nodes[old]
	if err := p.writes("frozen", "before"); err != nil {
		return // it has just lost its leadership
	}
	var conns []*client
	for range readers + 1 {
		cl, err := p.dial(10 * time.Second)
		if err != nil {
			c.t.Fatal(err)
		}
		defer cl.Close()
		if _, err := cl.Cmd("PING"); err != nil {
			c.t.Fatal(err)
		}
		conns = append(conns, cl)
	}
	p.signal(syscall.SIGSTOP)
	defer p.signal(syscall.SIGCONT)
	begin := time.Now()
	others := c.followers(old)
	until(c.t, "another leader to write", time.Minute, func() bool {
		return c.nodes[others[0]].writes("frozen", "after") == nil || c.nodes[others[1]].writes("frozen", "after") == nil
	})
	c.t.Logf("another leader wrote %v after SIGSTOP", time.Since(begin).Round(time.Millisecond))
	l.more(20)
	for i, cl := range conns {
		words := []string{"GET", "frozen"}
		if i == readers {
			words = []string{"SETNX", "frozen:" + time.Now().String(), "x"}
		}
		cl.Send(redistest.Argv(words...))
		if err := cl.Flush(); err != nil {
			c.t.Fatal(err)
		}
	}
	p.signal(syscall.SIGCONT)
	for i, cl := range conns {
		r, err := cl.Receive()
		switch f, _, wrong := fateOf(r, err); {
		case wrong != nil:
			c.t.Error(wrong)
		case err != nil:
			c.t.Errorf("the woken leader does not answer: %v", err)
		case i < readers && f == done && string(r.Str) != "after":
			c.t.Errorf("the woken leader answers %q: it serves the past", r.Str)
		case i == readers && f == done && r.Kind == reply.Integer && r.Int != 1:
			c.t.Errorf("SETNX of a new key on the woken leader answers %d", r.Int)
		}
	}
}

// few is how many faults a test does, of a seed's choice; TestSoak does them all, again and again.
const few = 4

// run does faults in an order of the seed's, each in a round of its own, until enough says so.
func (c *cluster) run(l *load, rng *rand.Rand, faults []fault, enough func(done int) bool) (n int) {
	for !c.t.Failed() {
		for _, i := range rng.Perm(len(faults)) {
			if enough(n) || c.t.Failed() {
				return n
			}
			begin := time.Now()
			l.more(10)
			faults[i].do(c, l, rng)
			c.leader()
			l.more(10)
			l.turn()
			n++
			c.t.Logf("%8s %s: %v; so far %s", time.Since(l.begin).Round(time.Millisecond), faults[i].name,
				time.Since(begin).Round(time.Millisecond), l.checked)
		}
	}
	return n
}

// TestSignals kills and stops real processes.
func TestSignals(t *testing.T) {
	t.Parallel()
	seed, rng := newSeed(t)
	reads := []string{"linearizable", "lease"}[rng.IntN(2)]
	t.Logf("--reads %s", reads)
	c := startCluster(t, 3, "--election-wait", "1s", "--reads", reads)
	l := startLoad(c, seed, 6)
	n := c.run(l, rng, signalFaults(), func(done int) bool { return done == few })
	l.finish()
	t.Logf("%d faults, %s", n, l.checked)
}
