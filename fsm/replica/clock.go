package replica

import (
	"sync"
	"time"

	"cairn/fsm"
)

// clock gives times that never run backwards, neither on this node nor against what the log has seen.
type clock struct {
	wall    func() time.Time
	machine *fsm.Machine

	mu struct {
		sync.Mutex
		last int64
	}
}

func newClock(wall func() time.Time, m *fsm.Machine) *clock { return &clock{wall: wall, machine: m} }

// now returns Unix milliseconds.
func (c *clock) now() int64 {
	t := max(c.wall().UnixMilli(), c.machine.State().Time)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.last = max(c.mu.last, t)
	return c.mu.last
}

// broadcast wakes everybody who waits for the next change.
type broadcast struct {
	mu struct {
		sync.Mutex
		next chan struct{}
	}
}

func newBroadcast() *broadcast {
	b := &broadcast{}
	b.mu.next = make(chan struct{})
	return b
}

// next returns a channel that the next wake closes. Take it before looking at what may change.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.next
}

func (b *broadcast) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.mu.next)
	b.mu.next = make(chan struct{})
}
