//go:build linux

package faults

import (
	"math/rand/v2"
	"testing"
	"time"
)

// networkFaults cut and slow down the links between nodes. Clients reach every node all the time, but for "link down".
func networkFaults() []fault {
	between := func(from, to, a, b int) bool { return from == a && to == b || from == b && to == a }
	return []fault{
		{"the leader cut off from the nodes", func(c *cluster, l *load, rng *rand.Rand) {
			at := c.leader() + 1
			c.broken(l, rng, 40, func(from, to int) link { return link{cut: from == at || to == at} })
		}},
		{"a follower cut off from the nodes", func(c *cluster, l *load, rng *rand.Rand) {
			at := c.follower(rng) + 1
			c.broken(l, rng, 40, func(from, to int) link { return link{cut: from == at || to == at} })
		}},
		{"the leader is heard and does not hear", func(c *cluster, l *load, rng *rand.Rand) {
			at := c.leader() + 1
			c.broken(l, rng, 40, func(_, to int) link { return link{cut: to == at} })
		}},
		{"the leader hears and is not heard", func(c *cluster, l *load, rng *rand.Rand) {
			at := c.leader() + 1
			c.broken(l, rng, 40, func(from, _ int) link { return link{cut: from == at} })
		}},
		{"the leader and a follower cut off from each other", func(c *cluster, l *load, rng *rand.Rand) {
			a, b := c.leader()+1, c.follower(rng)+1
			c.broken(l, rng, 40, func(from, to int) link { return link{cut: between(from, to, a, b)} })
		}},
		{"all cut off from each other", func(c *cluster, l *load, rng *rand.Rand) {
			c.broken(l, rng, 0, func(int, int) link { return link{cut: true} })
		}},
		{"delay, jitter and loss", func(c *cluster, l *load, rng *rand.Rand) {
			bad := link{loss: rng.Float64() / 20, delay: 5 * time.Millisecond, jitter: time.Duration(1+rng.IntN(40)) * time.Millisecond}
			c.broken(l, rng, 40, func(int, int) link { return bad })
		}},
		{"a slow and lossy leader", func(c *cluster, l *load, rng *rand.Rand) {
			at := c.leader() + 1
			bad := link{loss: 0.2, delay: 100 * time.Millisecond, jitter: 200 * time.Millisecond}
			c.broken(l, rng, 10, func(from, to int) link {
				if from == at || to == at {
					return bad
				}
				return link{}
			})
		}},
		{"the leader's link down for all", func(c *cluster, l *load, rng *rand.Rand) {
			p := c.nodes[c.leader()]
			p.unplug(true)
			l.more(40)
			<-time.After(time.Duration(rng.IntN(1000)) * time.Millisecond)
			p.unplug(false)
		}},
		{"a link that comes and goes", func(c *cluster, l *load, rng *rand.Rand) {
			at := c.leader() + 1
			for range 6 {
				c.lan.set(func(from, to int) link { return link{cut: from == at || to == at} })
				<-time.After(time.Duration(100+rng.IntN(400)) * time.Millisecond)
				c.lan.heal()
				<-time.After(time.Duration(100+rng.IntN(300)) * time.Millisecond)
			}
		}},
		{"the leader cut off, and killed there", func(c *cluster, l *load, _ *rand.Rand) {
			at := c.leader()
			c.lan.set(func(from, to int) link { return link{cut: from == at+1 || to == at+1} })
			l.more(20)
			c.killed(l, 20, at)
			c.lan.heal()
		}},
	}
}

// broken breaks links, waits for writes that get through all the same, and heals the network.
func (c *cluster) broken(l *load, rng *rand.Rand, writes int64, links func(from, to int) link) {
	c.lan.set(links)
	defer c.lan.heal()
	l.more(writes)
	<-time.After(time.Duration(500+rng.IntN(1500)) * time.Millisecond)
}

// TestNetwork cuts real nodes off from each other, and makes their network bad.
func TestNetwork(t *testing.T) {
	t.Parallel()
	seed, rng := newSeed(t)
	reads := []string{"linearizable", "lease"}[rng.IntN(2)]
	t.Logf("--reads %s", reads)
	c := startNetworked(t, seed, "--election-wait", "1s", "--reads", reads)
	l := startLoad(c, seed, 6)
	n := c.run(l, rng, networkFaults(), func(done int) bool { return done == few })
	l.finish()
	c.lan.mu.Lock()
	defer c.lan.mu.Unlock()
	t.Logf("%d faults, %s; %d of %d frames lost", n, l.checked, c.lan.lost, c.lan.frames)
}
