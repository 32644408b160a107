package storage

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// compactions lets Pebble compact, one table at a time, from start on and not before. Pebble's own scheduler lets it begin while a
// database is being opened, and pebble.Open then waits for the end of that compaction, which takes seconds where a node was stopped
// under load. What a node that starts needs its processors and its disk for is the log.
type compactions struct {
	db pebble.DBForCompaction // set before all else is called

	mu struct {
		sync.Mutex
		started  bool
		closed   bool // the database is being closed
		running  int
		granting bool // somebody is in grant
		idle     sync.Cond
	}
}

func newCompactions() *compactions {
	c := &compactions{}
	c.mu.idle.L = &c.mu.Mutex
	return c
}

// start lets compactions begin.
func (c *compactions) start() {
	c.mu.Lock()
	was := c.mu.started
	c.mu.started = true
	c.mu.Unlock()
	if !was {
		c.grant()
	}
}

// Register implements pebble.CompactionScheduler.
func (c *compactions) Register(_ int, db pebble.DBForCompaction) { c.db = db }

// Unregister implements pebble.CompactionScheduler.
func (c *compactions) Unregister() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.closed = true
	for c.mu.granting {
		c.mu.idle.Wait()
	}
}

// TrySchedule implements pebble.CompactionScheduler.
func (c *compactions) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.roomLocked() {
		return false, nil
	}
	c.mu.running++
	return true, c
}

// busy reports whether a compaction runs.
func (c *compactions) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.running > 0
}

// roomLocked says that one more compaction may begin.
func (c *compactions) roomLocked() bool {
	return c.mu.started && !c.mu.closed && c.mu.running < c.db.GetAllowedWithoutPermission()
}

// UpdateGetAllowedWithoutPermission implements pebble.CompactionScheduler.
func (c *compactions) UpdateGetAllowedWithoutPermission() {}

// Started implements pebble.CompactionGrantHandle.
func (c *compactions) Started() {}

// MeasureCPU implements pebble.CompactionGrantHandle.
func (c *compactions) MeasureCPU(pebble.CompactionGoroutineKind) {}

// CumulativeStats implements pebble.CompactionGrantHandle.
func (c *compactions) CumulativeStats(pebble.CompactionGrantHandleStats) {}

// Done implements pebble.CompactionGrantHandle.
func (c *compactions) Done() {
	c.mu.Lock()
	c.mu.running--
	c.mu.Unlock()
	c.grant()
}

// grant runs what waits. It holds no lock while it asks the database, whose locks come before; one that begins by itself meanwhile
// is one too many at most. (Were there no room for that one, nothing would be left to wake it.)
func (c *compactions) grant() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.mu.granting {
		c.mu.idle.Wait()
	}
	c.mu.granting = true
	for more := true; more && c.roomLocked(); {
		c.mu.Unlock()
		if more, _ = c.db.GetWaitingCompaction(); more {
			more = c.db.Schedule(c)
		}
		c.mu.Lock()
		if more {
			c.mu.running++
		}
	}
	c.mu.granting = false
	c.mu.idle.Broadcast()
}
