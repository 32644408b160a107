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
