package resp

import (
	"sync"
	"sync/atomic"
	"time"
)

// session is what a connection has chosen. Only the connection's goroutine changes it, and only inside conn.change; there it
// may read it without the lock.
type session struct {
	mu       sync.Mutex
	db       uint8
	authed   bool
	readonly bool // READONLY: reads may be local
	resp3    bool
	closing  bool // the connection ends after the replies at hand
	replies  replyMode
	noEvict  bool
	noTouch  bool
	names    clientNames
}

// clientNames are what a client says of itself.
type clientNames struct{ name, libName, libVer string }

// replyMode is what CLIENT REPLY set.
type replyMode uint8

const (
	repliesOn replyMode = iota
	repliesOff
	repliesSkip // not to the next call
)

// change changes the session.
func (c *conn) change(fn func(s *session)) {
	c.sess.mu.Lock()
	defer c.sess.mu.Unlock()
	fn(&c.sess)
}

// seen is what other connections may know of one without asking it.
type seen struct {
	born time.Time
	last atomic.Int64          // Unix nanoseconds of the last call
	cmd  atomic.Pointer[route] // of the last call
}

func (s *seen) begin(now time.Time) {
	s.born = now
	s.last.Store(now.UnixNano())
}

// idleUntil returns when a client that says nothing more has been idle for timeout; never when that is 0.
func (s *seen) idleUntil(timeout time.Duration) time.Time {
	if timeout == 0 {
		return time.Time{}
	}
	return time.Unix(0, s.last.Load()).Add(timeout)
}

// stats are counted since start.
type stats struct {
	in, out     atomic.Uint64 // bytes
	connections atomic.Uint64
	refused     atomic.Uint64 // connections beyond maxclients
	calls       atomic.Uint64
	errors      atomic.Uint64 // error replies
}
