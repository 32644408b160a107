package sim

import "time"

func kill(_ *world, p plan) { p.node.crash("killed") }

// killAtIO kills the node right before one of its next disk operations.
func killAtIO(_ *world, p plan) {
	paths := []string{"", "", "/log/", "/state/", "CURRENT", "checkpoint-", "MANIFEST", ".sst", "identity"}
	path := paths[p.rng.IntN(len(paths))]
	n := 1 + p.rng.IntN(60)
	if path != "" && path != "/log/" {
		n = 1 + p.rng.IntN(8)
	}
	m := p.node
	m.withDisk(func(d *disk) {
		d.mu.fuse = fuse{left: n, path: path, what: func() error {
			m.crash("killed at " + path)
			return nil
		}}
	})
}

// powerCut kills all nodes, or as many, at one moment.
func powerCut(w *world, p plan) {
	all := p.rng.IntN(2) == 0
	for _, m := range w.c.members {
		if all || p.rng.IntN(2) == 0 {
			m.crash("power cut")
		}
	}
}

// restart stops the node in order; its keeper starts it again.
func restart(w *world, p plan) {
	if err := p.node.stop(); err != nil {
		w.violation("%v", err)
	}
}

// transfer asks the leader to hand over. It may die meanwhile, so nobody waits for what becomes of it.
func transfer(w *world, p plan) {
	to := ""
	if p.rng.IntN(2) == 0 {
		to = p.node.id()
	}
	leader := w.c.leader()
	if leader == nil {
		return
	}
	if n := leader.running(); n != nil {
		go func() {
			if n.Replica().TransferLeadership(to) == nil {
				w.fault("transfer done")
			}
		}()
	}
}

// transferDeaf lets the leader hand over and hear nothing from then on: another leads before it knows.
func transferDeaf(w *world, p plan) {
	for range 1 + p.rng.IntN(4) {
		leader := w.c.leader()
		if leader == nil {
			return
		}
		to, _ := w.others(leader)
		transfer(w, plan{rng: p.rng, node: w.c.members[p.rng.IntN(len(w.c.members))]})
		pause(time.Duration(1+p.rng.IntN(6))*time.Millisecond, nil)
		w.c.net.stall(1, to...)
		pause(w.o.slow(time.Duration(300+p.rng.IntN(600))*time.Millisecond), nil)
		w.c.net.stall(-1, to...)
		pause(w.o.slow(time.Second), nil)
	}
}

// clockJump moves the node's clock, and lets it run too fast or too slow.
func clockJump(w *world, p plan) {
	if !w.o.skewed {
		return
	}
	jump := time.Duration(p.rng.Int64N(int64(20*time.Second))) - 10*time.Second
	if p.rng.IntN(5) == 0 {
		jump *= 60
	}
	p.node.skew.Store(int64(jump))
	p.node.drift.Store(p.rng.Int64N(200_000) - 100_000)
}

// diskError makes one write fail, which the node survives or does not.
func diskError(_ *world, p plan) {
	paths := []string{"", "/log/", "/state/", "MANIFEST", ".sst", ".log"}
	path := paths[p.rng.IntN(len(paths))]
	n := 1 + p.rng.IntN(40)
	p.node.hurt(func(d *disk) {
		d.mu.fuse = fuse{left: n, path: path, fails: true, what: func() error { return errDisk }}
	})
}

// stageError makes a write fail to what a leader sends or a follower receives. The node must live.
func stageError(_ *world, p plan) {
	n := 1 + p.rng.IntN(20)
	p.node.withDisk(func(d *disk) {
		d.mu.fuse = fuse{left: n, path: "checkpoint-", fails: true, what: func() error { return errDisk }}
	})
}

func diskFull(_ *world, p plan) {
	p.node.hurt(func(d *disk) { d.mu.full = true })
	pause(p.last, nil)
	p.node.withDisk(func(d *disk) { d.mu.full = false })
}

func diskSlow(w *world, p plan) {
	took := w.o.slow(time.Duration(1+p.rng.IntN(300)) * time.Millisecond)
	p.node.withDisk(func(d *disk) { d.mu.syncTime = took })
	pause(p.last, nil)
	p.node.withDisk(func(d *disk) { d.mu.syncTime = 0 })
}
