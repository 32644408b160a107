package sim

import (
	"time"

	"cairn/fsm"
)

// observed is what the nodes have been seen at.
type observed struct {
	newest  fsm.Position           // the newest entry that any node has applied
	leaders map[uint64]string      // who led a term
	lives   map[*member]lifeOfNode // where a node was when it was looked at last
}

type lifeOfNode struct {
	life    int
	applied uint64
}

// observe looks at the nodes all the time. A term has one leader; a leader that is ready has applied everything that
// any node had applied in earlier terms; a state never goes back while its node runs; a snapshot record is never
// ahead of it.
func (w *world) observe(stop <-chan struct{}) {
	o := observed{leaders: make(map[uint64]string), lives: make(map[*member]lifeOfNode)}
	for pause(w.o.slow(100*time.Millisecond), stop) {
		for _, m := range w.c.members {
			o.look(w, m)
		}
	}
}

func (o *observed) look(w *world, m *member) {
	m.mu.Lock()
	n, life := m.mu.node, m.mu.life
	m.mu.Unlock()
	if n == nil {
		return
	}
	first := n.Replica().Status()
	newest := o.newest
	at := n.Store().State()
	second := n.Replica().Status()
	if before := o.lives[m]; before.life == life && at.Index < before.applied {
		w.violation("%s: its state went back from %d to %d", m.id(), before.applied, at.Index)
	}
	o.lives[m] = lifeOfNode{life, at.Index}
	if at.Index > o.newest.Index {
		o.newest = fsm.Position{Index: at.Index, Term: at.Term}
	}
	w.record(m)
	if !first.Ready || !second.Ready || first.Term != second.Term {
		return
	}
	if before, ok := o.leaders[first.Term]; ok && before != m.id() {
		w.violation("term %d has two leaders: %s and %s", first.Term, before, m.id())
	}
	o.leaders[first.Term] = m.id()
	if newest.Term < first.Term && at.Index < newest.Index {
		w.violation("%s leads term %d with a state at %d; entry %d of term %d was applied elsewhere", m.id(), first.Term, at.Index, newest.Index, newest.Term)
	}
}
