package clustertest_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/redistest"
	"cairn/cmd/node"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// register is what a client does to one key: it sets it to a value of its own or reads it.
type register struct {
	key, set string // set is empty for a read
}

// registers is the model of a key each; a read's output is what it saw.
var registers = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, o := range history {
			key := o.Input.(register).key
			byKey[key] = append(byKey[key], o)
		}
		var parts [][]porcupine.Operation
		for _, p := range byKey {
			parts = append(parts, p)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		if in := input.(register); in.set != "" {
			return true, in.set
		}
		return output == state, state
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%v -> %v", input, output) },
}

// history is what clients did.
type history struct {
	begin time.Time
	mu    sync.Mutex
	ops   []porcupine.Operation
	doubt []int // indexes of writes that may take effect at any time
	reads int
}

func (h *history) now() int64 { return int64(time.Since(h.begin)) }

// storm runs clients that set and get a few keys on every node, whoever leads, until stop is closed. Writes are
// retried at the leader's; what a client cannot know counts as in doubt.
func storm(c *clustertest.Cluster, seed uint64, clients int, stop chan struct{}) (h *history, wait func()) {
	h = &history{begin: time.Now()}
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
				op := register{key: fmt.Sprint("k", rng.IntN(4))}
				if rng.IntN(3) == 0 {
					op.set = fmt.Sprintf("%d-%d", id, n)
				}
				h.run(c, conns, id, rng.IntN(c.Len()), op)
			}
		})
	}
	return h, wg.Wait
}

// run sends one operation to node at. An error reply says that it had no effect, unless it begins with INDOUBT.
func (h *history) run(c *clustertest.Cluster, conns []*redistest.Client, client, at int, op register) {
	if conns[at] == nil {
		conn, err := c.TryClient(at)
		if err != nil {
			return
		}
		conns[at] = conn
	}
	words := []string{"GET", op.key}
	if op.set != "" {
		words = []string{"SET", op.key, op.set}
	}
	o := porcupine.Operation{ClientId: client, Input: op, Call: h.now()}
	r, err := conns[at].Cmd(words...)
	o.Return = h.now()
	doubt := false
	switch {
	case err != nil:
		conns[at].Close()
		conns[at], doubt = nil, true
	case r.Kind == reply.Error && strings.HasPrefix(string(r.Str), "INDOUBT"):
		doubt = true
	case r.Kind == reply.Error:
		return
	}
	if doubt && op.set == "" {
		return
	}
	o.Output = string(r.Str)
	h.mu.Lock()
	defer h.mu.Unlock()
	if doubt {
		h.doubt = append(h.doubt, len(h.ops))
	} else if op.set == "" {
		h.reads++
	}
	h.ops = append(h.ops, o)
}

func (h *history) size() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.ops)
}

func (h *history) check(t *testing.T) {
	t.Helper()
	end := h.now()
	for _, i := range h.doubt {
		h.ops[i].Return = end
	}
	t.Logf("%d operations, %d reads, %d writes in doubt", len(h.ops), h.reads, len(h.doubt))
	if h.reads < 100 {
		t.Error("too few reads to say anything")
	}
	// An operation of a client that is in doubt overlaps its next ones: porcupine wants another client for it.
	for n, i := range h.doubt {
		h.ops[i].ClientId = 1000 + n
	}
	if res := porcupine.CheckOperationsTimeout(registers, h.ops, 2*time.Minute); res != porcupine.Ok {
		t.Errorf("the history is not linearizable: %s", res)
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
				before := h.size()
				clustertest.Eventually(t, "clients to get on", func() bool { return h.size() > before+100 })
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
			h.check(t)
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
