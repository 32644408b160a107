// Package background is about what a Pebble database does by itself, flushes and compactions: when they begin, and
// how soon they are tried again when they have failed.
package background

import (
	"errors"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Work is that of one database. It lets Pebble compact, one table at a time, from start on and not before. Pebble's
// own scheduler lets it begin while a database is being opened, and pebble.Open then waits for the end of that
// compaction, which takes seconds where a node was stopped under load. What a node that starts needs its processors
// and its disk for is the log.
//
// Pebble tries again at once what has failed, while it is being opened too, and then pebble.Open does not return
// before a flush has succeeded. Here it waits, for longer each time. A flush waits where it makes its table, the
// first of what it does without the database's lock; a compaction is not begun.
type Work struct {
	db pebble.DBForCompaction // set before all else is called

	flush, compact pace
	last           struct { // what the last of each ended with; guarded by the lock of the database
		flush, compact error
	}
	ending chan struct{}
	ended  sync.Once

	mu struct {
		sync.Mutex
		started  bool
		closed   bool // the database is being closed
		running  int
		granting bool // somebody is in grant
		idle     sync.Cond
	}
}

// New returns the work of a database that is to be opened with the options o, which it completes. log gets failures,
// the database's lock held.
func New(o *pebble.Options, log func(format string, args ...any)) *Work {
	c := &Work{ending: make(chan struct{})}
	c.mu.idle.L = &c.mu.Mutex
	c.flush.ending, c.compact.ending = c.ending, c.ending
	o.FS = pacedFS{o.FS, c}
	o.Experimental.CompactionScheduler = c
	o.EventListener.FlushEnd = c.flushEnd(o.EventListener.FlushEnd)
	o.EventListener.CompactionEnd = c.compactionEnd
	o.EventListener.BackgroundError = func(err error) {
		c.failed(err)
		log("background error: %v", err)
	}
	return c
}

// flushEnd notes how a flush has ended. An error is none if there was nothing to write: failed is called for those
// that are.
func (c *Work) flushEnd(next func(pebble.FlushInfo)) func(pebble.FlushInfo) {
	return func(info pebble.FlushInfo) {
		if c.last.flush = info.Err; info.Err == nil {
			c.flush.done()
		}
		if next != nil {
			next(info)
		}
	}
}

func (c *Work) compactionEnd(info pebble.CompactionInfo) {
	if c.last.compact = info.Err; info.Err == nil {
		c.compact.done()
	}
}

// failed notes what has failed.
func (c *Work) failed(err error) {
	switch {
	case c.last.flush != nil && errors.Is(err, c.last.flush):
		c.flush.failed()
	case c.last.compact != nil && errors.Is(err, c.last.compact):
		time.AfterFunc(c.compact.failed(), c.grant)
	}
}

// Failing says that the last flush has failed: what is written now may wait for ever.
func (c *Work) Failing() bool { return c.flush.failing() }

// End lets nothing wait any more: the database is being closed.
func (c *Work) End() { c.ended.Do(func() { close(c.ending) }) }

// pacedFS makes a flush wait that is to wait.
type pacedFS struct {
	vfs.FS
	work *Work
}

// flushCategory is what Pebble calls the tables that flushes write.
const flushCategory vfs.DiskWriteCategory = "pebble-memtable-flush"

// Create implements vfs.FS.
func (p pacedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if category == flushCategory {
		p.work.flush.wait()
	}
	return p.FS.Create(name, category)
}

// Unwrap returns the file system below, for vfs.Root.
func (p pacedFS) Unwrap() vfs.FS { return p.FS }

// Start lets compactions begin.
func (c *Work) Start() {
	c.mu.Lock()
	was := c.mu.started
	c.mu.started = true
	c.mu.Unlock()
	if !was {
		c.grant()
	}
}

// Register implements pebble.CompactionScheduler.
func (c *Work) Register(_ int, db pebble.DBForCompaction) { c.db = db }

// Unregister implements pebble.CompactionScheduler.
func (c *Work) Unregister() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.closed = true
	for c.mu.granting {
		c.mu.idle.Wait()
	}
}

// TrySchedule implements pebble.CompactionScheduler.
func (c *Work) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.roomLocked() {
		return false, nil
	}
	c.mu.running++
	return true, c
}

// Busy reports whether a compaction runs.
func (c *Work) Busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.running > 0
}

// roomLocked says that one more compaction may begin.
func (c *Work) roomLocked() bool {
	return c.mu.started && !c.mu.closed && c.compact.left() <= 0 && c.mu.running < c.db.GetAllowedWithoutPermission()
}

// UpdateGetAllowedWithoutPermission implements pebble.CompactionScheduler.
func (c *Work) UpdateGetAllowedWithoutPermission() {}

// Started implements pebble.CompactionGrantHandle.
func (c *Work) Started() {}

// MeasureCPU implements pebble.CompactionGrantHandle.
func (c *Work) MeasureCPU(pebble.CompactionGoroutineKind) {}

// CumulativeStats implements pebble.CompactionGrantHandle.
func (c *Work) CumulativeStats(pebble.CompactionGrantHandleStats) {}

// Done implements pebble.CompactionGrantHandle.
func (c *Work) Done() {
	c.mu.Lock()
	c.mu.running--
	c.mu.Unlock()
	c.grant()
}

// grant runs what waits. It holds no lock while it asks the database, whose locks come before; one that begins by
// itself meanwhile is one too many at most. (Were there no room for that one, nothing would be left to wake it.)
func (c *Work) grant() {
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
