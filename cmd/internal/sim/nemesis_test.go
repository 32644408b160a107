package sim

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// plan is one fault: what it is, when it begins after the one before, and how long it lasts.
type plan struct {
	kind string
	rng  *rand.Rand // its parameters
	last time.Duration
	node *member
}

// torment sends faults for a time, several at once, and returns when the last is over.
func (w *world) torment(length time.Duration) {
	rng := rand.New(rand.NewPCG(w.seed, 4))
	faults := faultTable()
	weight := 0
	for _, f := range faults {
		weight += f.weight
	}
	var wg sync.WaitGroup
	calm := w.o.sparse(time.Duration(500+rng.IntN(4000)) * time.Millisecond) // how dense this world's faults are
	for end := time.Now().Add(length); time.Now().Before(end); {
		pause(calm/4+time.Duration(rng.Int64N(int64(2*calm))), nil)
		at := rng.IntN(weight)
		i := 0
		for ; at >= faults[i].weight; i++ {
			at -= faults[i].weight
		}
		p := plan{
			kind: faults[i].name, node: w.c.members[rng.IntN(len(w.c.members))], rng: rand.New(rand.NewPCG(rng.Uint64(), 5)),
			last: w.o.slow(time.Duration(100+rng.IntN(3000)) * time.Millisecond),
		}
		if rng.IntN(6) == 0 {
			p.last *= 4
		}
		if w.o.pace > 1 && rng.IntN(6) == 0 {
			p.last = max(p.last, w.o.sparse(time.Duration(100+rng.IntN(3000))*time.Millisecond)) // away for minutes
		}
		if rng.IntN(3) == 0 {
			if leader := w.c.leader(); leader != nil {
				p.node = leader
			}
		}
		w.fault(p.kind)
		w.event("%s: %s for %v", p.kind, p.node.id(), p.last)
		wg.Go(func() { faults[i].run(w, p) })
	}
	wg.Wait()
}

// fault is a kind of fault.
type fault struct {
	name   string
	weight int
	run    func(w *world, p plan) // returns when it is over
}

func faultTable() []fault {
	return []fault{
		{"one-way", 3, oneWay}, {"isolate", 5, isolate}, {"split", 4, split}, {"pause", 4, pauseNode}, {"stuck", 5, stuck}, {"slow-net", 3, slowNet}, {"hold", 5, hold},
		{"break", 3, breakLinks}, {"cut-streams", 4, cutStreams}, {"kill", 6, kill}, {"kill-at-io", 6, killAtIO}, {"power-cut", 2, powerCut},
		{"restart", 3, restart}, {"transfer", 5, transfer}, {"transfer-deaf", 4, transferDeaf}, {"clock", 4, clockJump}, {"disk-error", 4, diskError},
		{"demote", 2, demote}, {"replace", 2, replace}, {"squat", 2, squat}, {"swap", 2, swap}, {"stray", 3, strayNode}, {"rival", 2, rival},
		{"stage-error", 2, stageError}, {"disk-full", 3, diskFull}, {"disk-slow", 5, diskSlow},
	}
}

// others returns the ways between a node and all other nodes.
func (w *world) others(m *member) (to, from []way) {
	for _, o := range w.c.members {
		if o != m {
			to, from = append(to, way{o.addr, m.addr}), append(from, way{m.addr, o.addr})
		}
	}
	return to, from
}

// stall stalls ways for a time; some of the connections on them do not survive it.
func (w *world) stall(p plan, ways []way) {
	w.c.net.stall(1, ways...)
	pause(p.last, nil)
	if p.rng.IntN(2) == 0 {
		w.breakWays(ways)
	}
	w.c.net.stall(-1, ways...)
}

func (w *world) breakWays(ways []way) {
	hit := make(map[way]bool)
	for _, x := range ways {
		hit[x], hit[way{x.to, x.from}] = true, true
	}
	w.c.net.breakAll(func(x way) bool { return hit[x] })
}

func oneWay(w *world, p plan) {
	to, from := w.others(p.node)
	ways := to
	if p.rng.IntN(2) == 0 {
		ways = from
	}
	if p.rng.IntN(2) == 0 {
		ways = ways[:1]
	}
	w.stall(p, ways)
}

func isolate(w *world, p plan) {
	to, from := w.others(p.node)
	if p.rng.IntN(2) == 0 {
		w.breakWays(to)
	}
	w.stall(p, append(to, from...))
}

// split parts the nodes into two halves, of which one may have a majority.
func split(w *world, p plan) {
	side := make(map[*member]bool)
	for _, m := range w.c.members {
		side[m] = p.rng.IntN(2) == 0
	}
	var ways []way
	for _, a := range w.c.members {
		for _, b := range w.c.members {
			if side[a] != side[b] {
				ways = append(ways, way{a.addr, b.addr})
			}
		}
	}
	w.stall(p, ways)
}

func pauseNode(w *world, p plan) {
	p.node.mu.Lock()
	d := p.node.mu.disk
	p.node.mu.Unlock()
	thaw := d.freeze()
	w.c.net.freeze(1, p.node.addr)
	pause(p.last, nil)
	thaw()
	w.c.net.freeze(-1, p.node.addr)
}

// stuck lets the disk of a node, mostly the leader, stand still while it is cut off from the others, but not from
// clients. Raft's own loop waits for the disk, so the node does not notice that it leads no more, as after a real
// pause.
func stuck(w *world, p plan) {
	if leader := w.c.leader(); leader != nil && p.rng.IntN(4) > 0 {
		p.node = leader
	}
	p.node.mu.Lock()
	d := p.node.mu.disk
	p.node.mu.Unlock()
	thaw := d.freeze()
	to, from := w.others(p.node)
	if p.rng.IntN(4) > 0 {
		w.c.net.stall(1, append(to, from...)...)
		defer w.c.net.stall(-1, append(to, from...)...)
	}
	pause(p.last+w.o.slow(2*time.Second), nil)
	thaw()
}

func slowNet(w *world, p plan) {
	to, from := w.others(p.node)
	d := w.o.slow(time.Duration(1+p.rng.IntN(200)) * time.Millisecond)
	for _, x := range append(to, from...) {
		w.c.net.slow(x, d)
	}
	pause(p.last, nil)
	for _, x := range append(to, from...) {
		w.c.net.slow(x, 0)
	}
}

// hold holds up some connections between a node and the others, again and again, while the others of them go on: what
// was sent first arrives last, though its sender has given it up and sent it once more.
func hold(w *world, p plan) {
	between := func(x way) bool {
		return (x.from == p.node.addr || x.to == p.node.addr) && strings.HasPrefix(x.from, "10.")
	}
	for range 1 + p.rng.IntN(10) {
		w.c.net.hold(w.o.slow(time.Duration(1+p.rng.IntN(12_000))*time.Millisecond), between)
		pause(w.o.slow(time.Duration(1+p.rng.IntN(1000))*time.Millisecond), nil)
	}
}

func breakLinks(w *world, p plan) {
	w.c.net.breakAll(func(x way) bool { return (x.from == p.node.addr || x.to == p.node.addr) && p.rng.IntN(3) > 0 })
}

func cutStreams(w *world, p plan) {
	w.c.net.cutStreams(1 + p.rng.IntN(1<<(4+p.rng.IntN(14))))
	w.breakWays([]way{{p.node.addr, w.c.members[0].addr}, {p.node.addr, w.c.members[1].addr}})
	pause(p.last, nil)
	w.c.net.cutStreams(0)
}
