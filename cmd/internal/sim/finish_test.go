package sim

import (
	"sync"
	"time"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/history"
)

// heal ends what faults have left: every node runs on a sound disk, and all can talk.
func (w *world) heal() {
	w.event("heal")
	for _, m := range w.c.members {
		m.withDisk(func(d *disk) { d.mu.fuse, d.mu.full, d.mu.syncTime = fuse{}, false, 0 })
	}
	pause(w.o.slow(3*time.Second), nil) // keepers start who is down
	if w.awaitLeader() {
		w.reunite()
	}
}

// finish looks at what is left when all is quiet: every key on every node, the replicas' digests, and all of it once
// more after a power cut and a restart in order.
func (w *world) finish() {
	for _, how := range []string{"after the faults", "after a power cut", "after a restart"} {
		w.event("%s", how)
		for _, m := range w.c.members {
			switch how {
			case "after a power cut":
				m.crash("power cut")
			case "after a restart":
				if err := m.stop(); err != nil {
					w.violation("%v", err)
				}
			}
		}
		for _, m := range w.c.members {
			if err := m.start(); err != nil {
				w.violation("%s: %v", how, err)
				return
			}
		}
		if !w.awaitLeader() {
			return
		}
		w.readAll()
		if how == "after the faults" {
			w.aftermath()
		}
		w.agree(how)
	}
}

// readAll reads every key of the history on every node.
func (w *world) readAll() {
	keys := w.h.Keys()
	var wg sync.WaitGroup
	for i := range w.c.members {
		c := w.newClient("final", i)
		c.at, c.pinned, c.wait, c.greet = i, true, w.o.slow(patience), [][]string{{"SELECT", historyDB}}
		wg.Go(func() {
			for _, key := range keys {
				if err := c.operate(history.Op{Verb: readVerb(key), Key: key}); err != nil {
					w.violation("%s cannot read %s on a sound cluster: %v", c.host, key, err)
					break
				}
			}
			c.leave()
		})
	}
	wg.Wait()
}

// aftermath lets random commands run that would have spoilt the histories.
func (w *world) aftermath() {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		w.random(w.newClient("aftermath", 0), w.seed+77, map[string]string{"flushall": "the histories are read again"}, stop)
	})
	pause(w.o.sparse(3*time.Second), nil)
	close(stop)
	wg.Wait()
}

// agree waits until all nodes stand at one applied index, and compares them there.
func (w *world) agree(how string) {
	for range 1200 {
		at := make(map[uint64]string)
		same := true
		for _, m := range w.c.members {
			n := m.running()
			if n == nil {
				same = false
				break
			}
			index, digest := clustertest.Digest(w.t, n.Store())
			if old, ok := at[index]; ok && old != digest {
				w.violation("%s: %s differs from another node at index %d", how, m.id(), index)
				return
			}
			at[index] = digest
			w.record(m)
		}
		if same && len(at) == 1 {
			return
		}
		pause(w.o.slow(50*time.Millisecond), nil)
	}
	w.violation("%s: the nodes do not reach one index within %v", how, w.o.slow(time.Minute))
}

// record checks that a snapshot record is not ahead of the state.
func (w *world) record(m *member) {
	n := m.running()
	if n == nil {
		return
	}
	r, ok, err := n.Store().Record()
	if err == nil && ok && r.Index > n.Store().State().Index {
		w.violation("%s: its snapshot record is at %d, its state at %d", m.id(), r.Index, n.Store().State().Index)
	}
}
