// Package clustertest runs whole clusters inside a test: real nodes (resp, Raft, Pebble) on an in-memory network and
// crashable in-memory disks. A node can be stopped, killed as by a power cut, cut off, and started again.
package clustertest

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// Network is an in-memory network between named addresses. Links can be cut; a cut breaks the connections that cross
// it.
type Network struct {
	mu struct {
		sync.Mutex
		hosts map[string]*Host   // by address
		cuts  map[[2]string]bool // from, to: nothing may connect or flow
		conns map[*wire]struct{}
	}
}

// NewNetwork returns a network without listeners.
func NewNetwork() *Network {
	n := &Network{}
	n.mu.hosts = make(map[string]*Host)
	n.mu.cuts = make(map[[2]string]bool)
	n.mu.conns = make(map[*wire]struct{})
	return n
}

// wire is one connection with both of its ends.
type wire struct {
	from, to string
	ends     [2]net.Conn
}

// Listen opens addr.
func (n *Network) Listen(addr string) (*Host, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.hosts[addr] != nil {
		return nil, fmt.Errorf("clustertest: %s is in use", addr)
	}
	h := &Host{n: n, addr: address(addr), accept: make(chan net.Conn), done: make(chan struct{})}
	n.mu.hosts[addr] = h
	return h, nil
}

// Dial connects a client, which has a name of any kind, to an address.
func (n *Network) Dial(ctx context.Context, from, to string) (net.Conn, error) {
	return n.dial(ctx, &Host{addr: address(from)}, to)
}

func (n *Network) dial(ctx context.Context, by *Host, to string) (net.Conn, error) {
	from := string(by.addr)
	n.mu.Lock()
	l := n.mu.hosts[to]
	if l == nil || by.killed || n.mu.cuts[[2]string{from, to}] {
		n.mu.Unlock()
		return nil, fmt.Errorf("clustertest: dial %s from %s: connection refused", to, from)
	}
	w := &wire{from: from, to: to}
	w.ends[0], w.ends[1] = newPipe(address(from), address(to))
	n.mu.conns[w] = struct{}{}
	n.mu.Unlock()

	select {
	case l.accept <- w.ends[1]:
		return w.ends[0], nil
	case <-l.done:
		n.drop(w)
		return nil, fmt.Errorf("clustertest: dial %s: connection refused", to)
	case <-ctx.Done():
		n.drop(w)
		return nil, ctx.Err()
	}
}

// Isolate cuts a node off from the named others until Heal.
func (n *Network) Isolate(addr string, others ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range others {
		n.mu.cuts[[2]string{addr, other}] = true
		n.mu.cuts[[2]string{other, addr}] = true
	}
	for w := range n.mu.conns {
		if n.mu.cuts[[2]string{w.from, w.to}] {
			n.breakLocked(w)
		}
	}
}

// Heal ends all cuts.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.mu.cuts)
}

// Kill breaks everything that is connected to the host or from it, for good, as the end of its process would: it may
// go on running, but nobody hears of it any more.
func (h *Host) Kill() {
	h.n.mu.Lock()
	h.killed = true
	for w := range h.n.mu.conns {
		if w.from == string(h.addr) || w.to == string(h.addr) {
			h.n.breakLocked(w)
		}
	}
	h.n.mu.Unlock()
	_ = h.Close() // never fails
}

func (n *Network) drop(w *wire) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.breakLocked(w)
}

func (n *Network) breakLocked(w *wire) {
	delete(n.mu.conns, w)
	for _, end := range w.ends {
		_ = end.Close() // never fails
	}
}

type address string

func (address) Network() string  { return "memory" }
func (a address) String() string { return string(a) }

// Host is a process that listens on an address of the network, and may connect to others. It implements net.Listener.
type Host struct {
	n      *Network
	addr   address
	accept chan net.Conn
	done   chan struct{}
	once   sync.Once
	killed bool // guarded by Network.mu
}

// Dial connects the host to an address.
func (h *Host) Dial(ctx context.Context, to string) (net.Conn, error) { return h.n.dial(ctx, h, to) }

// Accept implements net.Listener.
func (h *Host) Accept() (net.Conn, error) {
	select {
	case c := <-h.accept:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *Host) Close() error {
	h.once.Do(func() {
		close(h.done)
		h.n.mu.Lock()
		defer h.n.mu.Unlock()
		if h.n.mu.hosts[string(h.addr)] == h {
			delete(h.n.mu.hosts, string(h.addr))
		}
	})
	return nil
}

// Addr implements net.Listener.
func (h *Host) Addr() net.Addr { return h.addr }
