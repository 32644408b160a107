package resp

import (
	"slices"
	"sync"
	"sync/atomic"
)

// defaultClientMemory is the default of maxmemory-clients. Redis's is 0, no bound.
const defaultClientMemory = 512 << 20

// clientMemory is what all clients together make the server hold: replies that they do not take as fast as they come,
// and calls that have not come to their end. When it grows over maxmemory-clients, those who hold most are cut off,
// as in Redis 7.0: one who reads nothing is served by nobody's memory but what others have left.
type clientMemory struct {
	total    atomic.Int64
	evicted  atomic.Uint64 // clients that were cut off
	evicting sync.Mutex
}

// memoryUse is what one connection holds; its goroutines change it, any may read it.
type memoryUse struct {
	input, output atomic.Int64
	evicted       atomic.Bool
}

func (h *memoryUse) sum() int64 { return h.input.Load() + h.output.Load() }

// accountOutput notes that n more bytes of replies wait for the client, or with a negative n, that they were taken or
// dropped.
func (c *conn) accountOutput(n int64) {
	c.memory.output.Add(n)
	c.srv.memory.total.Add(n)
	if n > 0 {
		c.srv.boundMemory()
	}
}

// accountInput notes how much of calls the parser keeps; whoever has the connection calls it, and what is below a read
// buffer's size does not count.
func (c *conn) accountInput() {
	n := c.in.memory()
	if n <= maxBuffer {
		n = 0
	}
	more := n - c.memory.input.Load()
	if more == 0 {
		return
	}
	c.memory.input.Store(n)
	c.srv.memory.total.Add(more)
	if more > 0 {
		c.srv.boundMemory()
	}
}

// boundMemory cuts off clients while all of them together hold too much, those who hold most first. CLIENT NO-EVICT
// exempts one from it.
func (s *Server) boundMemory() {
	limit := s.settings.load().clientMemory
	if limit == 0 || s.memory.total.Load() <= limit {
		return
	}
	s.memory.evicting.Lock()
	defer s.memory.evicting.Unlock()
	over := s.memory.total.Load() - limit
	var victims []*conn
	for _, c := range s.clients.allClients() {
		switch {
		case c.memory.evicted.Load():
			over -= c.memory.sum() // it is on its way out
		case c.memory.sum() > 0 && !c.chosen().noEvict:
			victims = append(victims, c)
		}
	}
	slices.SortStableFunc(victims, func(a, b *conn) int { return int(b.memory.sum() - a.memory.sum()) })
	for _, c := range victims {
		if over <= 0 {
			return
		}
		over -= c.memory.sum()
		c.memory.evicted.Store(true)
		s.memory.evicted.Add(1)
		s.o.Logger.Warn("a client is cut off: clients hold more than maxmemory-clients", "peer", c.addr(), "bytes", c.memory.sum())
		c.kill()
	}
}
