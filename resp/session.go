package resp

import (
	"sync"
	"sync/atomic"
	"time"
)

// session is what a connection has chosen. Only the goroutine that has the connection changes it, and only inside
// conn.change; there it may read it without the lock.
type session struct {
	mu sync.Mutex
	choices
	closing bool // the connection ends after the replies at hand
}

// choices are what RESET takes back.
type choices struct {
	db        uint8
	authed    bool
	readonly  bool // READONLY: reads may be local
	resp3     bool
	noEvict   bool
	noTouch   bool
	replies   replyMode
	names     clientNames
	abortedAt time.Time // when a call of the transaction was refused that has not ended; zero: none was
	channels  []string  // SUBSCRIBE; the slices are never changed, only replaced
	patterns  []string  // PSUBSCRIBE
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

// chosen returns the session's choices; any goroutine may ask.
func (c *conn) chosen() choices {
	c.sess.mu.Lock()
	defer c.sess.mu.Unlock()
	return c.sess.choices
}

// applySession gives the writer and the parser what the session says to them.
func (c *conn) applySession() {
	now := c.srv.settings.load()
	c.in.limits = limits{bulk: now.maxBulk, buffer: now.queryBuffer, stranger: !c.sess.authed}
	c.out.resp3 = c.sess.resp3
	c.out.muted = c.sess.replies == repliesOff
}

// activity is what other connections may know of one without asking it.
type activity struct {
	born    time.Time
	last    atomic.Int64          // Unix nanoseconds of the last bytes
	cmd     atomic.Pointer[route] // of the last call
	blocked atomic.Bool           // it waits for a pause to end, or in WAIT
	unread  atomic.Int64          // bytes in the read buffer when it was last filled
	buffer  atomic.Int64          // size of the read buffer
	kept    atomic.Int64          // bytes that the connection kept for its next calls when it was parked
}

func (s *activity) start(now time.Time) {
	s.born = now
	s.last.Store(now.UnixNano())
}

// received notes that bytes came.
func (s *activity) received(unread, buffer int) {
	s.last.Store(time.Now().UnixNano())
	s.unread.Store(int64(unread))
	s.buffer.Store(int64(buffer))
}

// idleUntil returns when a client that says nothing more has been idle for timeout; never when that is 0.
func (s *activity) idleUntil(timeout time.Duration) time.Time {
	if timeout == 0 {
		return time.Time{}
	}
	return time.Unix(0, s.last.Load()).Add(timeout)
}
