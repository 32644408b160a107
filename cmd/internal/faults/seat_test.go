//go:build linux

package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
)

// seatFaults start nodes at addresses that are not theirs.
func seatFaults() []fault {
	return []fault{
		{"a member at another member's address", func(c *cluster, l *load, rng *rand.Rand) {
			seats := rng.Perm(len(c.nodes))
			m, seat := seats[0], seats[1]
			c.nodes[m].end(syscall.SIGKILL)
			c.nodes[seat].end(syscall.SIGKILL)
			p := c.at(seat, c.nodes[m].dir, append([]string{"--id", id(m), "--advertise", c.nodes[seat].addr}, c.nodes[m].args[8:]...)...)
			<-time.After(time.Duration(500+rng.IntN(3000)) * time.Millisecond)
			p.end(syscall.SIGKILL)
			c.nodes[m].start()
			c.nodes[seat].start()
		}},
		{"two members that change places", func(c *cluster, l *load, rng *rand.Rand) {
			seats := rng.Perm(len(c.nodes))
			a, b := seats[0], seats[1]
			c.nodes[a].end(syscall.SIGKILL)
			c.nodes[b].end(syscall.SIGKILL)
			atB := c.at(b, c.nodes[a].dir, append([]string{"--id", id(a), "--advertise", c.nodes[b].addr}, c.nodes[a].args[8:]...)...)
			atA := c.at(a, c.nodes[b].dir, append([]string{"--id", id(b), "--advertise", c.nodes[a].addr}, c.nodes[b].args[8:]...)...)
			l.more(20)
			atA.end(syscall.SIGKILL)
			atB.end(syscall.SIGKILL)
			c.nodes[a].start()
			c.nodes[b].start()
		}},
		{"an empty directory at a member's address", func(c *cluster, l *load, rng *rand.Rand) {
			seat := c.follower(rng)
			c.nodes[seat].end(syscall.SIGKILL)
			other, addr := (seat+1)%len(c.nodes), c.nodes[seat].addr
			peers := []string{
				fmt.Sprintf("%s=%s,%s=127.0.0.9:1,x=127.0.0.9:2", id(other), addr, id(seat)), // the name of one that lives elsewhere
				fmt.Sprintf("x1=%s,x2=%s,x3=127.0.0.9:3", addr, c.nodes[other].addr),         // another cluster
				fmt.Sprintf("%s=%s,x2=127.0.0.9:2,x3=127.0.0.9:3", id(seat), addr),           // another cluster that names its nodes alike
			}[rng.IntN(3)]
			name, _, _ := strings.Cut(peers, "=")
			p := c.at(seat, c.t.TempDir(), "--id", name, "--peers", peers)
			l.more(20)
			for end := time.Now().Add(2 * time.Second); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
				if p.info("raft_state") == "leader" {
					c.t.Errorf("a stranger of %s leads", peers)
				}
			}
			p.end(syscall.SIGKILL)
			c.nodes[seat].start()
		}},
	}
}

// at starts a process on a directory where node seat lives, which is down.
func (c *cluster) at(seat int, dir string, args ...string) *process {
	home := c.nodes[seat]
	host, port, _ := strings.Cut(home.addr, ":")
	p := &process{t: c.t, addr: home.addr, dir: dir, within: home.within, log: home.log}
	p.args = append([]string{"--bind", host, "--port", port}, args...)
	p.start()
	c.t.Cleanup(func() { p.end(syscall.SIGKILL) })
	return p
}

// TestSeats starts real nodes at each other's addresses, and strangers there.
func TestSeats(t *testing.T) {
	t.Parallel()
	seed, rng := newSeed(t)
	c := startCluster(t, 3, "--election-wait", "1s")
	l := startLoad(c, seed, 6)
	faults := seatFaults()
	n := c.run(l, rng, faults, func(done int) bool { return done == len(faults) })
	l.finish()
	t.Logf("%d faults, %s", n, l.checked)
}
