package resp

import (
	"net"
	"slices"
	"sync"
	"time"
)

// Bounds on connections beside the clients that maxclients counts.
const (
	maxStrangers = 64   // connections beyond maxclients whose first byte is awaited: one may be a node's
	maxLinks     = 1024 // links between nodes
)

// registry knows every connection. Connections are added before they have said who they are.
type registry struct {
	mu struct {
		sync.Mutex
		clients   map[int64]*conn
		links     map[*conn]struct{}
		strangers map[*conn]struct{}
		lastID    int64
		drained   chan struct{} // closed when draining and no client is left
		draining  bool
	}
}

func (r *registry) init() {
	r.mu.clients = make(map[int64]*conn)
	r.mu.links = make(map[*conn]struct{})
	r.mu.strangers = make(map[*conn]struct{})
	r.mu.drained = make(chan struct{})
}

// register makes c a client, or a stranger when there are maxClients already; ok is false when there are too many of
// those too.
func (r *registry) register(c *conn, maxClients int) (stranger, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.lastID++
	c.id = r.mu.lastID
	switch {
	case len(r.mu.clients) < maxClients:
		r.mu.clients[c.id] = c
		return false, true
	case len(r.mu.strangers) < maxStrangers:
		r.mu.strangers[c] = struct{}{}
		return true, true
	}
	return false, false
}

// link makes c a link between nodes; false when there are too many.
func (r *registry) link(c *conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.mu.links) >= maxLinks {
		return false
	}
	r.mu.links[c] = struct{}{}
	r.leaveLocked(c)
	return true
}

// remove forgets a connection.
func (r *registry) remove(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.mu.links, c)
	r.leaveLocked(c)
}

func (r *registry) leaveLocked(c *conn) {
	delete(r.mu.clients, c.id)
	delete(r.mu.strangers, c)
	r.checkDrainedLocked()
}

// drainClients wakes every client that waits for its next call, so that it sees that the server stops. The channel is
// closed when no client is left.
func (r *registry) drainClients() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.draining = true
	r.checkDrainedLocked()
	r.wakeAllLocked()
	return r.mu.drained
}

// wakeAll wakes every client that waits for its next call, so that it looks at the settings again. Links are left
// alone.
func (r *registry) wakeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wakeAllLocked()
}

func (r *registry) wakeAllLocked() {
	past := time.Unix(1, 0)
	for _, c := range r.mu.clients {
		c.nc.SetReadDeadline(past)
		c.wake()
	}
	for c := range r.mu.strangers {
		c.nc.SetReadDeadline(past)
	}
}

func (r *registry) checkDrainedLocked() {
	if !r.mu.draining || len(r.mu.clients)+len(r.mu.strangers) > 0 {
		return
	}
	select {
	case <-r.mu.drained:
	default:
		close(r.mu.drained)
	}
}

// closeAll cuts every connection off.
func (r *registry) closeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.mu.clients {
		c.kill()
	}
	for c := range r.mu.strangers {
		c.kill()
	}
	for c := range r.mu.links {
		c.kill()
	}
}

// allClients returns the clients in the order in which they came.
func (r *registry) allClients() []*conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	conns := make([]*conn, 0, len(r.mu.clients))
	for _, c := range r.mu.clients {
		conns = append(conns, c)
	}
	slices.SortFunc(conns, func(a, b *conn) int { return int(a.id - b.id) })
	return conns
}

// countClients returns how many clients there are.
func (r *registry) countClients() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.mu.clients)
}

// countLinks returns how many links between nodes there are.
func (r *registry) countLinks() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.mu.links)
}

// setKeepAlive sets TCP keepalive on one connection; off when period is 0.
func setKeepAlive(nc net.Conn, period time.Duration) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: period > 0, Idle: period, Interval: max(period/3, time.Second), Count: 3})
	}
}
