package clustertest_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/history"
	"cairn/cmd/internal/redistest"
	"cairn/cmd/node"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// storm runs clients that set and get a few keys on every node, whoever leads, until stop is closed. Writes are
// retried at the leader's; what a client cannot know counts as in doubt.
func storm(c *clustertest.Cluster, seed uint64, clients int, stop chan struct{}) (h *history.History, wait func()) {
	h = new(history.History)
	var wg sync.WaitGroup
	for id := range clients {
		rng := rand.New(rand.NewPCG(seed, uint64(id)))
		wg.Go(func() {
			conns := make([]*redistest.Client, c.Len())
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				op := history.Op{Verb: "GET", Key: fmt.Sprint("k", rng.IntN(4))}
				if rng.IntN(3) == 0 {
					op.Verb, op.Arg = "SET", fmt.Sprintf("%d-%d", id, n)
				}
				run(h, c, conns, id, rng.IntN(c.Len()), op)
			}
		})
	}
	return h, wg.Wait
}

// run sends one operation to node at. An error reply says that it had no effect, unless it begins with INDOUBT.
func run(h *history.History, c *clustertest.Cluster, conns []*redistest.Client, client, at int, op history.Op) {
	if conns[at] == nil {
		conn, err := c.TryClient(at)
		if err != nil {
			return
		}
		conns[at] = conn
	}
	call := h.Begin(fmt.Sprint("client ", client), op)
	r, err := conns[at].Cmd(op.Words()...)
	switch {
	case err != nil:
		conns[at].Close()
		conns[at] = nil
		call.Doubt()
	case r.Kind == reply.Error && strings.HasPrefix(string(r.Str), "INDOUBT"):
		call.Doubt()
	case r.Kind != reply.Error:
		call.Answer(r)
	}
}

func check(t *testing.T, h *history.History) {
	t.Helper()
	n := h.Count()
	t.Logf("%+v", n)
	if n.Reads < 100 {
		t.Error("too few reads to say anything")
	}
	wrong, undecided := h.Check(2 * time.Minute)
	for _, text := range wrong {
		t.Error(text)
	}
	if len(undecided) > 0 {
		t.Errorf("too much to check: %q", undecided)
	}
}

// TestLinearizable: clients write and read on all nodes, with reads of both kinds, while leaders are cut off, killed,
// and hand over. Every reply fits one order of everything.
func TestLinearizable(t *testing.T) {
	for _, c := range []struct {
		name  string
		reads replica.Consistency
	}{{"rounds", replica.Linearizable}, {"lease", replica.Lease}} {
		t.Run(c.name, func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 99))
			cluster := clustertest.New(t, clustertest.Options{Seed: seed, Tune: func(i int, o *node.Options) {
				quick(i, o)
				o.Reads = c.reads
				o.ElectionWait = 300 * time.Millisecond
			}})
			cluster.Leader()
			stop := make(chan struct{})
			h, wait := storm(cluster, seed, 6, stop)
			for range 12 {
				leader := cluster.Leader()
				before := h.Count().Operations
				clustertest.Eventually(t, "clients to get on", func() bool { return h.Count().Operations > before+100 })
				switch rng.IntN(3) {
				case 0:
					cut(t, cluster, leader)
				case 1:
					_ = cluster.Node(leader).Replica().TransferLeadership("") // it may come to nothing
				case 2:
					cluster.Kill(leader)
					cluster.Start(leader)
				}
			}
			cluster.Leader()
			close(stop)
			wait()
			check(t, h)
		})
	}
}

// cut isolates a leader from the other nodes, not from the clients, until another leads.
func cut(t *testing.T, c *clustertest.Cluster, leader int) {
	t.Helper()
	var others []string
	for _, i := range c.Followers(leader) {
		others = append(others, c.Addr(i))
	}
	c.Net.Isolate(c.Addr(leader), others...)
	clustertest.Eventually(t, "another leader", func() bool {
		for _, i := range c.Followers(leader) {
			if c.Node(i).Replica().Status().Ready {
				return true
			}
		}
		return false
	})
	c.Net.Heal()
}
