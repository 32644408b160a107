//go:build linux

package faults

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"cairn/cmd/internal/history"
)

// round is what the clients do to the keys of one time: no later round touches them, so that its history can be
// checked as soon as its last operation has ended.
type round struct {
	n    int
	busy sync.WaitGroup // operations under way; Add is under load.mu

	history history.History

	mu      sync.Mutex
	acked   []string // keys that were set once and acknowledged
	refused []string // keys whose only SET was refused
}

// actions of each kind of key.
const (
	registers = iota
	counters
	texts
	queues
	kinds
)

// readOp returns the operation that reads all of a key.
func readOp(kind int, key string) history.Op {
	if kind == queues {
		return history.Op{Verb: "LRANGE", Key: key}
	}
	return history.Op{Verb: "GET", Key: key}
}

// pick chooses an action on one of the round's keys. No two actions write the same.
func (r *round) pick(rng *rand.Rand, client, n int) history.Op {
	kind := rng.IntN(kinds)
	o := history.Op{Key: fmt.Sprintf("r%d:%d:%d", r.n, kind, rng.IntN(3))}
	var verbs []string
	switch kind {
	case registers:
		verbs = []string{"GET", "GET", "SET", "SET", "SETNX", "SETGET", "GETDEL"}
		o.Arg = fmt.Sprintf("%d-%d", client, n)
	case counters:
		verbs = []string{"GET", "INCRBY"}
		o.Arg = fmt.Sprint(rng.IntN(5) - 2)
	case texts:
		verbs = []string{"GET", "STRLEN", "APPEND"}
		o.Arg = fmt.Sprintf("%d-%d;", client, n)
	case queues:
		verbs = []string{"RPUSH", "LPOP", "RPUSH", "LPOP", "LRANGE"}
		o.Arg = fmt.Sprintf("%d-%d", client, n)
	}
	o.Verb = verbs[rng.IntN(len(verbs))]
	return o
}

// tally counts what was checked.
type tally struct {
	operations, open, acked, refused, undecided int
}

func (a *tally) add(b tally) {
	a.operations += b.operations
	a.open += b.open
	a.acked += b.acked
	a.refused += b.refused
	a.undecided += b.undecided
}

// String implements fmt.Stringer.
func (a tally) String() string {
	return fmt.Sprintf("%d operations in histories (%d open), %d acknowledged and %d refused keys read back, %d histories undecided",
		a.operations, a.open, a.acked, a.refused, a.undecided)
}

// check ends the history with a read of every key on every node, and checks it.
func (r *round) check(t *testing.T, c *cluster) tally {
	t.Helper()
	r.busy.Wait()
	for kind := range kinds {
		for i := range 3 {
			for _, n := range c.started() {
				p := c.nodes[n]
				o := readOp(kind, fmt.Sprintf("r%d:%d:%d", r.n, kind, i))
				ok := await(30*time.Second, func() bool {
					call := r.history.Begin(fmt.Sprint("the end, on n", n+1), o)
					got, err := p.read(o.Words()...)
					if err == nil {
						call.Answer(got)
					}
					return err == nil
				})
				if !ok {
					t.Errorf("%s does not answer a read 30 s after the faults", p.addr)
					return tally{}
				}
			}
		}
	}
	wrong, undecided := r.history.Check(time.Minute)
	for _, text := range wrong {
		t.Errorf("round %d: %s", r.n, text)
	}
	n := r.history.Count()
	return tally{operations: n.Operations, open: n.InDoubt, undecided: len(undecided)}
}
