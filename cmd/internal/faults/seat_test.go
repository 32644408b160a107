//go:build linux

package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
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
			p := c.moved(m, seat)
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
			atB, atA := c.moved(a, b), c.moved(b, a)
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
	if home.space != "" {
		p.args = append(p.args, "--protected-mode", "no")
	}
	p.start()
	c.t.Cleanup(func() { p.end(syscall.SIGKILL) })
	return p
}

// moved starts member m, by its own word alone, where node seat lives, which is down.
func (c *cluster) moved(m, seat int) *process {
	p := c.nodes[m]
	args := []string{"--advertise", c.nodes[seat].addr}
	for i := 0; i < len(p.args); i += 2 {
		if !slices.Contains([]string{"--bind", "--port", "--peers", "--protected-mode"}, p.args[i]) {
			args = append(args, p.args[i:i+2]...)
		}
	}
	return c.at(seat, p.dir, args...)
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
