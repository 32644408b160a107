package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/cmd/node"
	"cairn/fsm/replica"
)

// cluster is the nodes of a world.
type cluster struct {
	w       *world
	net     *network
	peers   []replica.Peer
	members []*member
	seats   sync.Mutex // held by a fault that changes who sits where
}

// member is a node with what outlives it.
type member struct {
	c      *cluster
	i      int
	addr   string       // where it belongs
	skew   atomic.Int64 // nanoseconds that its clock is ahead
	drift  atomic.Int64 // how much its clock runs too fast, in parts per million
	rng    *rand.Rand   // what its crashes leave; under mu
	logger *slog.Logger

	mu struct {
		sync.Mutex
		disk    *disk
		life    int           // counts starts
		node    *node.Node    // nil while it is down
		up      bool          // it runs, or is being started
		excused bool          // its disk was hurt in this life: it may end or refuse to start
		gone    chan struct{} // closed when it crashes
		joins   bool          // it was removed, and joins on an empty disk
		seat    string        // the address at which it starts
		held    bool          // it is kept down
	}
}

func newCluster(w *world) *cluster {
	c := &cluster{w: w, net: newNetwork(w.seed)}
	for i := range w.o.nodes {
		m := &member{c: c, i: i, addr: fmt.Sprintf("10.0.0.%d:6379", i+1), rng: rand.New(rand.NewPCG(w.seed, uint64(100+i)))}
		m.logger = slog.New(&handler{m: m})
		m.mu.disk, m.mu.seat = newDisk(vfs.NewCrashableMem(), w.seed+uint64(i)), m.addr
		c.members = append(c.members, m)
		c.peers = append(c.peers, replica.Peer{ID: m.id(), Addr: m.addr})
	}
	return c
}

func (m *member) id() string { return fmt.Sprintf("n%d", m.i+1) }

// clock is the node's own idea of the time.
func (m *member) clock() time.Time {
	since := time.Since(m.c.w.begin)
	return time.Now().Add(time.Duration(m.skew.Load()) + since*time.Duration(m.drift.Load())/1_000_000)
}

// start starts the node if it is down. Where a disk fault stands in the way, it stays down.
func (m *member) start() error {
	m.mu.Lock()
	if m.mu.up || m.mu.held {
		m.mu.Unlock()
		return nil
	}
	gone := make(chan struct{})
	m.mu.up, m.mu.excused, m.mu.gone = true, false, gone
	m.mu.life++
	life, d, joins, seat := m.mu.life, m.mu.disk, m.mu.joins, m.mu.seat
	m.mu.Unlock()

	// A node that cannot start says so and ends, which is right; but Pebble, after a failed Open, lets goroutines go on
	// that panic. So a disk is sound while its node starts, and fails later.
	d.set(func(d *disk) {
		if d.mu.full = false; d.mu.fuse.fails {
			d.mu.fuse = fuse{}
		}
	})
	ln, err := m.c.net.listen(seat)
	if err != nil {
		return err
	}
	o := m.c.w.o
	peers, join := m.c.peersAt(m, seat), []string(nil)
	if joins {
		peers, join = nil, m.join()
	}
	n, err := node.Start(context.Background(), node.Options{
		ID: m.id(), Dir: "/data", Peers: peers, Join: join, Advertise: seat, Listener: ln, FS: d.fs(), Clock: m.clock, Logger: m.logger.With("life", life),
		Dial:            func(ctx context.Context, addr string) (net.Conn, error) { return m.dial(ctx, seat, addr, gone) },
		SnapshotEntries: o.snapshotEntries, TrailingLogs: o.trailingLogs, Reads: o.reads, MaxStaleness: o.maxStaleness,
		Heartbeat: o.heartbeat, ElectionWait: o.slow(2 * time.Second),
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.mu.life != life || !m.mu.up: // it crashed while it started
		if err == nil {
			go func() { _ = n.Close() }()
		}
		return nil
	case err != nil:
		m.mu.up = false
		m.c.net.kill(seat)
		return fmt.Errorf("%s does not start: %w", m.id(), err)
	}
	m.mu.node = n
	go m.endWhenRefused(n, life, gone)
	return nil
}

// endWhenRefused ends a node as the program ends that its cluster does not let in; whoever keeps the nodes up starts
// it again.
func (m *member) endWhenRefused(n *node.Node, life int, gone <-chan struct{}) {
	select {
	case err := <-n.Failed():
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.mu.up && m.mu.life == life && errors.Is(err, node.ErrRefused) {
			m.crashLocked(err.Error())
		}
	case <-gone:
	}
}

// peersAt returns the peers as a node is told them that starts at an address: whose that is has the node's own.
func (c *cluster) peersAt(m *member, seat string) []replica.Peer {
	peers := slices.Clone(c.peers)
	for i, p := range peers {
		switch {
		case p.ID == m.id():
			peers[i].Addr = seat
		case p.Addr == seat:
			peers[i].Addr = m.addr
		}
	}
	return peers
}

// dial connects the node of a life to another. Once that life has ended, what is left of it reaches nobody.
func (m *member) dial(ctx context.Context, seat, addr string, gone <-chan struct{}) (net.Conn, error) {
	select {
	case <-gone:
		return nil, net.ErrClosed
	default:
	}
	c, err := m.c.net.dial(ctx, seat, addr)
	select {
	case <-gone:
		if err == nil {
			_ = c.Close() // nothing was sent
		}
		return nil, net.ErrClosed
	default:
		return c, err
	}
}

// crash ends the node as a power cut does. It is false when the node is down already.
func (m *member) crash(why string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.mu.up {
		return false
	}
	m.crashLocked(why)
	return true
}

func (m *member) crashLocked(why string) {
	close(m.mu.gone)
	m.c.net.kill(m.mu.seat)
	left := m.mu.disk.crash(m.rng)
	m.mu.disk = newDisk(left, m.rng.Uint64())
	ghost := m.mu.node
	m.mu.node, m.mu.up, m.mu.excused = nil, false, false
	m.c.w.event("%s dies: %s", m.id(), why)
	if ghost != nil {
		go func() { _ = ghost.Close() }() // nobody minds what it thinks; it may wait for ever for a goroutine that is stopped
	}
}

// closeTime is how long a node may take to close.
const closeTime = time.Minute

// stop closes the node in order.
func (m *member) stop() error {
	m.mu.Lock()
	n, life, gone := m.mu.node, m.mu.life, m.mu.gone
	m.mu.Unlock()
	if n == nil {
		return nil
	}
	closed := make(chan error, 1)
	go func() { closed <- n.Close() }()
	var err error
	select {
	case err = <-closed:
	case <-gone:
		return nil
	case <-time.After(m.c.w.o.slow(closeTime)):
		m.c.w.dump()
		return fmt.Errorf("%s does not close within %v", m.id(), m.c.w.o.slow(closeTime))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.life != life || !m.mu.up {
		return nil // it died while it closed
	}
	if errors.Is(err, node.ErrStuck) && (m.mu.excused || m.mu.disk.holdsUp()) { // the program ends then
		m.crashLocked("it cannot stop, for its disk does not answer")
		return nil
	}
	m.mu.node, m.mu.up = nil, false
	close(m.mu.gone)
	m.c.net.kill(m.mu.seat)
	if err != nil && !m.mu.excused && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop %s: %w", m.id(), err)
	}
	return nil
}

// running returns the node, nil while it is down.
func (m *member) running() *node.Node {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.node
}

// call runs a call of the running node, and returns what came of it, or false when the node is down or dies
// meanwhile: then the call may wait for ever for a goroutine that is stopped.
func call[T any](m *member, f func(n *node.Node) T) (got T, ok bool) {
	m.mu.Lock()
	n, gone := m.mu.node, m.mu.gone
	m.mu.Unlock()
	if n == nil {
		return got, false
	}
	done := make(chan T, 1)
	go func() { done <- f(n) }()
	select {
	case got = <-done:
		return got, true
	case <-gone:
		return got, false
	}
}

// hurt sets a fault of the disk of a running node that may end the node.
func (m *member) hurt(change func(*disk)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.node == nil {
		return
	}
	m.mu.excused = true
	m.mu.disk.set(change)
}

// withDisk sets a fault of the node's disk that the node must live with.
func (m *member) withDisk(change func(*disk)) {
	m.mu.Lock()
	d := m.mu.disk
	m.mu.Unlock()
	d.set(change)
}

// leader returns the node that leads and is ready, nil when none does.
func (c *cluster) leader() *member {
	for _, m := range c.members {
		if n := m.running(); n != nil && n.Replica().Status().Ready {
			return m
		}
	}
	return nil
}
