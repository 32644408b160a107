//go:build linux

package faults

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// round is what the clients do to the keys of one time: no later round touches them, so that its history can be
// checked as soon as its last operation has ended.
type round struct {
	n    int
	busy sync.WaitGroup // operations under way; Add is under load.mu

	mu      sync.Mutex
	history []porcupine.Operation
	open    []int    // indexes of operations that may take effect at any time
	acked   []string // keys that were set once and acknowledged
	refused []string // keys whose only SET was refused
}

// actions of each kind of key.
const (
	registers = iota
	counters
	texts
	kinds
)

// pick chooses an action on one of the round's keys. No two actions write the same.
func (r *round) pick(rng *rand.Rand, client, n int) action {
	kind := rng.IntN(kinds)
	a := action{key: fmt.Sprintf("r%d:%d:%d", r.n, kind, rng.IntN(3))}
	var verbs []string
	switch kind {
	case registers:
		verbs = []string{"GET", "GET", "SET", "SET", "SETNX", "SETGET", "GETDEL"}
		a.arg = fmt.Sprintf("%d-%d", client, n)
	case counters:
		verbs = []string{"GET", "INCRBY"}
		a.arg = fmt.Sprint(rng.IntN(5) - 2)
	case texts:
		verbs = []string{"GET", "STRLEN", "APPEND"}
		a.arg = fmt.Sprintf("%d-%d;", client, n)
	}
	a.verb = verbs[rng.IntN(len(verbs))]
	return a
}

// note adds an operation to the history.
func (r *round) note(o porcupine.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := o.Input.(action); a.open {
		r.open = append(r.open, len(r.history))
	}
	r.history = append(r.history, o)
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
func (r *round) check(t *testing.T, c *cluster, now func() int64) tally {
	t.Helper()
	r.busy.Wait()
	for kind := range kinds {
		for i := range 3 {
			for _, n := range c.started() {
				p := c.nodes[n]
				o := porcupine.Operation{ClientId: 500 + n, Input: action{verb: "GET", key: fmt.Sprintf("r%d:%d:%d", r.n, kind, i)}}
				ok := await(30*time.Second, func() bool {
					o.Call = now()
					got, err := p.get(o.Input.(action).key)
					o.Output, o.Return = got, now()
					return err == nil
				})
				if !ok {
					t.Errorf("%s does not answer a read 30 s after the faults", p.addr)
					return tally{}
				}
				r.note(o)
			}
		}
	}
	end := now()
	for n, i := range r.open {
		r.history[i].Return = end
		r.history[i].ClientId = 1000 + n // it overlaps the later ones of its client
	}
	result := tally{operations: len(r.history), open: len(r.open)}
	switch porcupine.CheckOperationsTimeout(keys(), r.history, time.Minute) {
	case porcupine.Illegal:
		t.Errorf("round %d: the history is not linearizable; %s", r.n, r.explain(t))
	case porcupine.Unknown:
		result.undecided++
	}
	return result
}

// explain writes the history as a page to look at.
func (r *round) explain(t *testing.T) string {
	_, info := porcupine.CheckOperationsVerbose(keys(), r.history, time.Minute)
	path := fmt.Sprintf("/tmp/cairn-history-%d-%d.html", time.Now().Unix(), r.n)
	if err := porcupine.VisualizePath(keys(), info, path); err != nil {
		t.Error(err)
	}
	return "see " + path
}
