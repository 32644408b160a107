package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// network connects hosts: the nodes' addresses and the clients' names. Messages take time. A direction between two
// hosts can stall: what is sent waits, as TCP sends again what was lost, and arrives when the stall is over, or
// never.
type network struct {
	mu struct {
		sync.Mutex
		rng       *rand.Rand
		listeners map[string]*listener
		stalls    map[way]int    // how many faults stall it
		frozen    map[string]int // hosts all of whose ways stall
		delays    map[way]time.Duration
		conns     map[*wire]struct{}
		cutBytes  int // when above 0, a new connection breaks after a random number of bytes below it
	}
}

// way is a direction between two hosts.
type way struct{ from, to string }

// wire is one connection.
type wire struct {
	way
	halves [2]*half
}

func newNetwork(seed uint64) *network {
	n := &network{}
	n.mu.rng = rand.New(rand.NewPCG(seed, 1))
	n.mu.listeners = make(map[string]*listener)
	n.mu.stalls = make(map[way]int)
	n.mu.frozen = make(map[string]int)
	n.mu.delays = make(map[way]time.Duration)
	n.mu.conns = make(map[*wire]struct{})
	return n
}

func (n *network) listen(addr string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.listeners[addr] != nil {
		return nil, fmt.Errorf("sim: %s is in use", addr)
	}
	l := &listener{n: n, addr: address(addr), accept: make(chan net.Conn), done: make(chan struct{})}
	n.mu.listeners[addr] = l
	return l, nil
}

// stalled reports whether nothing gets through from one host to another now.
func (n *network) stalled(w way) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.stalls[w] > 0 || n.mu.frozen[w.from] > 0 || n.mu.frozen[w.to] > 0
}

// delay returns how long the next message takes.
func (n *network) delay(w way) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	base := 200*time.Microsecond + n.mu.delays[w]
	return base + time.Duration(n.mu.rng.Int64N(int64(base)*2))
}

// dial connects from a host to an address.
func (n *network) dial(ctx context.Context, from, to string) (net.Conn, error) {
	out := way{from, to}
	refused := fmt.Errorf("sim: dial %s from %s: connection refused", to, from)
	select {
	case <-time.After(2 * n.delay(out)):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if n.stalled(out) || n.stalled(way{to, from}) {
		<-ctx.Done() // nobody hears, nobody answers
		return nil, ctx.Err()
	}
	n.mu.Lock()
	l := n.mu.listeners[to]
	if l == nil {
		n.mu.Unlock()
		return nil, refused
	}
	w, a, b := n.connectLocked(out)
	n.mu.conns[w] = struct{}{}
	n.mu.Unlock()
	select {
	case l.accept <- b:
		return a, nil
	case <-l.done:
		n.reset(w)
		return nil, refused
	case <-ctx.Done():
		n.reset(w)
		return nil, ctx.Err()
	}
}

func (n *network) connectLocked(out way) (*wire, net.Conn, net.Conn) {
	w := &wire{way: out}
	back := way{out.to, out.from}
	w.halves = [2]*half{newHalf(n, w, out), newHalf(n, w, back)}
	if n.mu.cutBytes > 0 {
		w.halves[n.mu.rng.IntN(2)].left = 1 + n.mu.rng.IntN(n.mu.cutBytes)
	}
	a := &conn{in: w.halves[1], out: w.halves[0], local: address(out.from), remote: address(out.to)}
	b := &conn{in: w.halves[0], out: w.halves[1], local: address(out.to), remote: address(out.from)}
	return w, a, b
}

// stall adds or removes a stall of ways.
func (n *network) stall(by int, ways ...way) {
	n.mu.Lock()
	for _, w := range ways {
		n.mu.stalls[w] += by
	}
	n.mu.Unlock()
	n.wake()
}

// freeze adds or removes a stall of all that a host sends or gets.
func (n *network) freeze(by int, host string) {
	n.mu.Lock()
	n.mu.frozen[host] += by
	n.mu.Unlock()
	n.wake()
}

// slow makes messages of a way take longer.
func (n *network) slow(w way, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.delays[w] = d
}

// cutStreams makes connections that begin from now on break within so many bytes; 0 is never.
func (n *network) cutStreams(bytes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.cutBytes = bytes
}

// wake lets every reader look again at what stalls.
func (n *network) wake() {
	n.mu.Lock()
	var halves []*half
	for w := range n.mu.conns {
		halves = append(halves, w.halves[0], w.halves[1])
	}
	n.mu.Unlock()
	for _, h := range halves {
		h.wake()
	}
}

// hold lets nothing arrive for a time on some of the connections that match, while others of the same hosts go on.
func (n *network) hold(d time.Duration, match func(way) bool) {
	n.mu.Lock()
	var held []*half
	for w := range n.mu.conns {
		for _, h := range w.halves {
			if match(w.way) && n.mu.rng.IntN(3) == 0 {
				held = append(held, h)
			}
		}
	}
	n.mu.Unlock()
	for _, h := range held {
		h.mu.Lock()
		h.until = time.Now().Add(d)
		h.mu.Unlock()
	}
}

// breakAll breaks the connections that match.
func (n *network) breakAll(match func(way) bool) {
	n.mu.Lock()
	var broken []*wire
	for w := range n.mu.conns {
		if match(w.way) {
			broken = append(broken, w)
		}
	}
	n.mu.Unlock()
	for _, w := range broken {
		n.reset(w)
	}
}

// kill closes a host as the end of its process does.
func (n *network) kill(addr string) {
	n.mu.Lock()
	l := n.mu.listeners[addr]
	n.mu.Unlock()
	if l != nil {
		_ = l.Close() // never fails
	}
	n.breakAll(func(w way) bool { return w.from == addr || w.to == addr })
}

// reset breaks a connection at once.
func (n *network) reset(w *wire) {
	n.mu.Lock()
	delete(n.mu.conns, w)
	n.mu.Unlock()
	for _, h := range w.halves {
		h.reset()
	}
}

type address string

func (address) Network() string  { return "memory" }
func (a address) String() string { return string(a) }

type listener struct {
	n      *network
	addr   address
	accept chan net.Conn
	done   chan struct{}
	once   sync.Once
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.n.mu.Lock()
		defer l.n.mu.Unlock()
		if l.n.mu.listeners[string(l.addr)] == l {
			delete(l.n.mu.listeners, string(l.addr))
		}
	})
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.addr }
