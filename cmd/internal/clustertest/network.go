// Package clustertest runs whole clusters inside a test: real nodes (resp, Raft, Pebble) on an in-memory network and crashable
// in-memory disks. A node can be stopped, killed as by a power cut, cut off, and started again.
package clustertest

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// Network is an in-memory network between named addresses. Links can be cut; a cut breaks the connections that cross it.
type Network struct {
	mu struct {
		sync.Mutex
		listeners map[string]*listener
		cuts      map[[2]string]bool // from, to: nothing may connect or flow
		conns     map[*wire]struct{}
	}
}

// NewNetwork returns a network without listeners.
func NewNetwork() *Network {
	n := &Network{}
	n.mu.listeners = make(map[string]*listener)
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
func (n *Network) Listen(addr string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.listeners[addr] != nil {
		return nil, fmt.Errorf("clustertest: %s is in use", addr)
	}
	l := &listener{n: n, addr: address(addr), accept: make(chan net.Conn), done: make(chan struct{})}
	n.mu.listeners[addr] = l
	return l, nil
}

// Dial connects from one address to another. from may be any name, such as a client's.
func (n *Network) Dial(ctx context.Context, from, to string) (net.Conn, error) {
	n.mu.Lock()
	l := n.mu.listeners[to]
	if l == nil || n.mu.cuts[[2]string{from, to}] {
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

// Kill closes addr and breaks everything that is connected to it or from it, as the end of its process would.
func (n *Network) Kill(addr string) {
	n.mu.Lock()
	l := n.mu.listeners[addr]
	delete(n.mu.listeners, addr)
	for w := range n.mu.conns {
		if w.from == addr || w.to == addr {
			n.breakLocked(w)
		}
	}
	n.mu.Unlock()
	if l != nil {
		_ = l.Close() // never fails
	}
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

type listener struct {
	n      *Network
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
