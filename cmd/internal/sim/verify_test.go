package sim

import (
	"context"
	"time"

	"cairn/fsm/replica"
)

// verify lets the leader ask all nodes for the checksum of their state at one index, again and again: those that have one
// agree. Nodes that are down, behind or just restored have none.
func (w *world) verify(stop <-chan struct{}) {
	for pause(w.o.sparse(2*time.Second), stop) {
		leader := w.c.leader()
		if leader == nil {
			continue
		}
		n := leader.running()
		if n == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), w.o.slow(5*time.Second))
		w.judge(n.Replica().Verify(ctx, w.o.slow(5*time.Second)))
		cancel()
	}
}

// judge notes what came of one question.
func (w *world) judge(v replica.Verdict, err error) {
	if err != nil {
		return
	}
	if !v.Agree {
		w.violation("the nodes differ at index %d: %s", v.Index, v.String())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.verified += len(v.Nodes) - v.Missing
}
