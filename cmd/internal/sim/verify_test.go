package sim

import (
	"context"
	"time"

	"cairn/cmd/node"
	"cairn/fsm/replica"
)

// verify lets the leader ask all nodes for the checksum of their state at one index, again and again: those that have
// one agree. Nodes that are down, behind or just restored have none.
func (w *world) verify(stop <-chan struct{}) {
	for pause(w.o.sparse(2*time.Second), stop) {
		leader := w.c.leader()
		if leader == nil {
			continue
		}
		v, ok := call(leader, func(n *node.Node) replica.Verdict {
			v, err := n.Replica().Verify(context.Background(), w.o.slow(5*time.Second))
			v.Agree = v.Agree || err != nil
			return v
		})
		if ok {
			w.judge(v)
		}
	}
}

// judge notes what came of one question.
func (w *world) judge(v replica.Verdict) {
	if !v.Agree {
		w.violation("the nodes differ at index %d: %s", v.Index, v.String())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.verified += len(v.Nodes) - v.Missing
}
