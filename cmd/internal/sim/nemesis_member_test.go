package sim

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/cmd/node"
	"cairn/fsm/replica"
)

// change asks a node for a change of the cluster and reports whether that is certainly done.
func (w *world) change(m *member, c replica.Change) bool {
	done, ok := call(m, func(n *node.Node) bool {
		ctx, cancel := context.WithTimeout(context.Background(), w.o.slow(5*time.Second))
		defer cancel()
		return n.Replica().Change(ctx, c) == nil
	})
	return ok && done
}

// demote takes a node's vote for a time. It asks for it again, and goes on asking after heal.
func demote(w *world, p plan) {
	leader := w.c.leader()
	if leader == nil {
		return
	}
	if w.change(p.node, replica.Change{Kind: replica.Demote, ID: leader.id()}) {
		w.fault("demoted")
	}
	pause(p.last, nil)
	w.change(p.node, replica.Change{Kind: replica.Promote})
}

// replace removes a node from the cluster, and lets it join again on an empty disk. Where it is not certain that it
// was removed it keeps its disk; reunite sees what became of it.
func replace(w *world, p plan) {
	for range 5 {
		leader := w.c.leader()
		if leader != nil && w.change(leader, replica.Change{Kind: replica.Forget, ID: p.node.id()}) {
			w.fault("forgotten")
			pause(p.last, nil)
			p.node.wipe()
			return
		}
		pause(w.o.slow(time.Second), nil)
	}
}

// wipe ends the node and gives it an empty disk, on which it joins the others.
func (m *member) wipe() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.up {
		m.crashLocked("forgotten")
	}
	m.mu.disk = newDisk(vfs.NewCrashableMem(), m.rng.Uint64())
	m.mu.joins = true
}

// join returns the addresses of the other nodes.
func (m *member) join() []string {
	var addrs []string
	for _, o := range m.c.members {
		if o != m {
			addrs = append(addrs, o.addr)
		}
	}
	rand.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	return addrs
}

// reunite waits until every node is a voter again.
func (w *world) reunite() {
	for range 600 {
		leader := w.c.leader()
		if leader == nil {
			pause(w.o.slow(100*time.Millisecond), nil)
			continue
		}
		n := leader.running()
		if n == nil {
			continue
		}
		members := n.Replica().Status().Members
		missing := slices.DeleteFunc(slices.Clone(w.c.members), func(m *member) bool {
			return slices.ContainsFunc(members, func(s replica.Member) bool { return s.ID == m.id() && s.Voter })
		})
		if len(missing) == 0 {
			return
		}
		for _, m := range missing {
			if n := m.running(); n != nil && n.Replica().Standing() == replica.Removed {
				m.wipe()
			} else {
				w.change(m, replica.Change{Kind: replica.Promote})
			}
		}
		pause(w.o.slow(100*time.Millisecond), nil)
	}
	w.violation("not every node is a voter again")
}
