package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/cmd/node"
	"cairn/fsm/replica"
)

// move ends a node and lets it start at another address from then on, or not at all.
func (m *member) move(seat string, held bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.up {
		m.crashLocked("moved")
	}
	m.mu.seat, m.mu.held = seat, held
}

// other returns another member.
func (w *world) other(p plan) *member {
	others := slices.DeleteFunc(slices.Clone(w.c.members), func(m *member) bool { return m == p.node })
	return others[p.rng.IntN(len(others))]
}

// squat starts a node, on its own disk, at the address of another one that is down.
func squat(w *world, p plan) {
	if !w.c.seats.TryLock() {
		return
	}
	defer w.c.seats.Unlock()
	owner := w.other(p)
	owner.move(owner.addr, true)
	p.node.move(owner.addr, false)
	pause(p.last+w.o.slow(2*time.Second), nil)
	p.node.move(p.node.addr, false)
	owner.move(owner.addr, false)
}

// swap lets two nodes start at each other's address.
func swap(w *world, p plan) {
	if !w.c.seats.TryLock() {
		return
	}
	defer w.c.seats.Unlock()
	a, b := p.node, w.other(p)
	seat := func(ofA, ofB string) { // both are down before either starts
		a.move(a.addr, true)
		b.move(b.addr, true)
		a.move(ofA, false)
		b.move(ofB, false)
	}
	seat(b.addr, a.addr)
	pause(p.last+w.o.slow(2*time.Second), nil)
	seat(a.addr, b.addr)
}

// strayNode starts a node with an empty disk at the address of one that is down: with the name of a member that lives
// elsewhere, or of another cluster. Whoever asks there must not take it for the member, so it never leads.
func strayNode(w *world, p plan) {
	if !w.c.seats.TryLock() {
		return
	}
	defer w.c.seats.Unlock()
	owner := w.other(p)
	owner.move(owner.addr, true)
	defer owner.move(owner.addr, false)
	peers := strayPeers(w.c, p, owner)
	w.stray(owner.addr, peers, p.last+w.o.slow(2*time.Second), func(n *node.Node) {
		if n.Replica().Status().State == "leader" {
			w.violation("stray %s leads a cluster of %v", peers[0].ID, peers)
		}
	})
}

// rival begins a cluster of two nodes that names a member of this one as its third. It has a majority without that,
// and may lead whom it has.
func rival(w *world, p plan) {
	if !w.c.seats.TryLock() {
		return
	}
	defer w.c.seats.Unlock()
	names := []string{"x1", p.node.id(), "x3"}
	if p.rng.IntN(2) == 0 { // named as here
		for i, m := range w.c.members[:3] {
			names[i] = m.id()
		}
	}
	peers := []replica.Peer{{ID: names[0], Addr: "10.0.9.1:6379"}, {ID: names[1], Addr: p.node.addr}, {ID: names[2], Addr: "10.0.9.3:6379"}}
	var wg sync.WaitGroup
	for _, i := range []int{0, 2} {
		own := append(slices.Clone(peers[i:]), peers[:i]...)
		wg.Go(func() { w.stray(own[0].Addr, own, p.last+w.o.slow(3*time.Second), func(*node.Node) {}) })
	}
	wg.Wait()
}

// strayPeers returns the peers of the cluster that a stray is told to begin, itself first.
func strayPeers(c *cluster, p plan, owner *member) []replica.Peer {
	nowhere := func(i int) string { return fmt.Sprintf("10.0.9.%d:6379", i) }
	switch p.rng.IntN(4) {
	case 0: // a name that lives elsewhere, beside the other members
		peers := []replica.Peer{{ID: p.node.id(), Addr: owner.addr}}
		for _, m := range c.members {
			if m != p.node && m != owner {
				peers = append(peers, replica.Peer{ID: m.id(), Addr: m.addr})
			}
		}
		return append(peers, replica.Peer{ID: owner.id(), Addr: nowhere(1)})
	case 1: // another cluster, some of whose addresses are members'
		return []replica.Peer{{ID: "x1", Addr: owner.addr}, {ID: "x2", Addr: p.node.addr}, {ID: "x3", Addr: nowhere(3)}}
	case 2: // the owner's name alone, as when it founds its cluster anew
		return []replica.Peer{{ID: owner.id(), Addr: owner.addr}}
	}
	return []replica.Peer{{ID: owner.id(), Addr: owner.addr}, {ID: "x2", Addr: nowhere(2)}, {ID: "x3", Addr: p.node.addr}}
}

// stray runs a node that is nobody's for a time, and looks at it.
func (w *world) stray(addr string, peers []replica.Peer, last time.Duration, look func(*node.Node)) {
	ln, err := w.c.net.listen(addr)
	if err != nil {
		w.violation("a stray: %v", err)
		return
	}
	defer w.c.net.kill(addr)
	dial := func(ctx context.Context, to string) (net.Conn, error) { return w.c.net.dial(ctx, addr, to) }
	n, err := node.Start(context.Background(), node.Options{
		ID: peers[0].ID, Dir: "/data", Peers: peers, Advertise: addr, Listener: ln, Dial: dial,
		FS: newDisk(vfs.NewCrashableMem(), rand.Uint64()).fs(), Heartbeat: w.o.heartbeat, Logger: slog.New(strayHandler{w}),
		FoundingWait: 24 * time.Hour, // it lasts no longer: alone it only listens, and is called
	})
	if err != nil {
		w.violation("a stray does not start: %v", err)
		return
	}
	end := time.After(last)
	for over := false; !over; {
		select {
		case <-n.Failed(): // it was told whose place it has
			over = true
		case <-end:
			over = true
		case <-time.After(w.o.slow(50 * time.Millisecond)):
		}
		look(n)
	}
	if err := n.Close(); err != nil {
		w.violation("a stray does not close: %v", err)
	}
}

// strayHandler receives the log of a stray.
type strayHandler struct{ w *world }

// Enabled implements slog.Handler.
func (strayHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// WithAttrs implements slog.Handler.
func (h strayHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler.
func (h strayHandler) WithGroup(string) slog.Handler { return h }

// Handle implements slog.Handler.
func (h strayHandler) Handle(_ context.Context, r slog.Record) error {
	line := "stray " + r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	h.w.logLine(line)
	return nil
}
