package clustertest_test

import (
	"bytes"
	"fmt"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/node"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// TestDeposedRead: a leader whose log's disk hangs does not notice that another leads. However it confirms plain
// reads, it does not serve what was overwritten there.
func TestDeposedRead(t *testing.T) {
	for name, reads := range map[string]replica.Consistency{"rounds": replica.Linearizable, "lease": replica.Lease} {
		t.Run(name, func(t *testing.T) {
			c, brakes := braked(t, "/log/", func(o *node.Options) { o.Reads = reads })
			old := c.Leader()
			client := c.Client(old)
			wantOK(t, c.Do(old, "SET", "k", "old"))
			wantBulk(t, c.Do(old, "GET", "k"), "old")
			restore := depose(t, c, brakes[old], old, "new")
			if r, err := client.Cmd("GET", "k"); err != nil || r.Kind != reply.Error {
				t.Errorf("the deposed leader answers %q, %v", r.Str, err)
			}
			restore()
			clustertest.Eventually(t, "the write on the deposed leader", func() bool { return string(c.Do(old, "GET", "k").Str) == "new" })
		})
	}
}

// TestAnswersOfAGroup: clients whose writes share entries of the log each get the answers to their own, of a state
// that has applied them.
func TestAnswersOfAGroup(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: slow})
	leader := c.Leader()
	before := c.Node(leader).Replica().Status().Entries
	const clients, rounds = 12, 60
	var wg sync.WaitGroup
	for id := range clients {
		client := c.Client(leader)
		wg.Go(func() {
			key, last := fmt.Sprint("c", id), ""
			for n := range rounds {
				value := fmt.Sprintf("%d-%d", id, n)
				was, err := client.Cmd("GETSET", key, value)
				count, err2 := client.Cmd("INCR", "n"+key)
				if err != nil || err2 != nil || string(was.Str) != last || count.Int != int64(n+1) {
					t.Errorf("client %d, round %d: GETSET answers %q, want %q; INCR %d (%s), want %d; %v, %v",
						id, n, was.Str, last, count.Int, count.Str, n+1, err, err2)
					return
				}
				last = value
			}
		})
	}
	wg.Wait()
	if n := c.Node(leader).Replica().Status().Entries - before; !t.Failed() && n > clients*rounds*2*9/10 {
		t.Errorf("%d entries for %d writes: they were not gathered, and the test says nothing", n, clients*rounds*2)
	}
}

// depose makes another node than old lead without old noticing: its log's disk hangs, Raft waits for it with a change
// of the cluster, and it is cut off. Key k is then value at the new leader. restore ends both and waits for the
// change, which comes to nothing.
func depose(t *testing.T, c *clustertest.Cluster, b *brake, old int, value string) (restore func()) {
	t.Helper()
	others := c.Followers(old)
	b.on()
	var stuck sync.WaitGroup
	stuck.Go(func() {
		_ = c.Node(old).Replica().Change(t.Context(), replica.Change{Kind: replica.Forget, ID: c.ID(others[1])})
	})
	clustertest.Eventually(t, "Raft to wait for the disk", leaderStores)
	c.Net.Isolate(c.Addr(old), c.Addr(others[0]), c.Addr(others[1]))
	next := -1
	clustertest.Eventually(t, "another leader", func() bool {
		for _, i := range others {
			if c.Node(i).Replica().Status().Ready {
				next = i
			}
		}
		return next >= 0
	})
	wantOK(t, c.Do(next, "SET", "k", value))
	if state := c.Node(old).Replica().Status().State; state != "leader" {
		t.Errorf("the old leader has noticed, it is a %s: what follows shows nothing", state)
	}
	return func() {
		b.off()
		c.Net.Heal()
		stuck.Wait()
	}
}

// leaderStores says that a leader's Raft waits for its log.
func leaderStores() bool {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 2); err != nil {
		panic(err)
	}
	return slices.ContainsFunc(strings.Split(all.String(), "\n\n"), func(stack string) bool {
		return strings.Contains(stack, ".leaderLoop(") && strings.Contains(stack, "raftlog.(*Store).StoreLogs(")
	})
}
