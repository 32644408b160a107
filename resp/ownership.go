package resp

import (
	"errors"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// errAgain is returned where there is nothing to read, or no room to write, at this moment.
var errAgain = errors.New("resp: not now")

// errParked ends the loop of a connection that waits for its next call in the poller.
var errParked = errors.New("resp: parked")

// ownership says whose a connection is. One goroutine at a time has it: one of its own, the poller's, or that of a
// batch which it is in; a parked one is nobody's. Who has it may use all of it.
type ownership struct{ state atomic.Int32 }

// The states of an ownership.
const (
	owned         int32 = iota // some goroutine has the connection
	ownedWithNews              // one has, and shall look again before it parks it
	parked
)

// acquire takes a parked connection. Where another goroutine has it, that one will look again.
func (t *ownership) acquire() bool {
	for {
		switch t.state.Load() {
		case parked:
			if t.state.CompareAndSwap(parked, owned) {
				return true
			}
		case owned:
			if t.state.CompareAndSwap(owned, ownedWithNews) {
				return false
			}
		default:
			return false
		}
	}
}

// park lets go of the connection, unless something has happened since it was taken: then it stays the caller's, who
// looks again.
func (t *ownership) park() bool {
	return t.state.CompareAndSwap(owned, parked) || !t.state.CompareAndSwap(ownedWithNews, owned)
}

// runOwned does what is to be done with a connection that the caller owns. Unless it is kept, or handed on, that
// was its end. A panic costs this connection only.
func (c *conn) runOwned(work func() (kept bool)) {
	kept := false
	defer func() {
		if p := recover(); p != nil {
			c.srv.o.Logger.Error("a connection's handling panicked", "peer", c.nc.RemoteAddr().String(), "err", p, "stack", string(debug.Stack()))
			kept = false
		}
		if !kept {
			c.end()
			c.srv.open.conns.Done()
		}
	}()
	kept = work()
}

// wake makes a parked connection look at what the server and its settings say.
func (c *conn) wake() {
	if c.acquire() {
		go c.runOwned(c.loop)
	}
}

// awaitInput waits for more bytes, in the poller if that can be: then it returns errParked, and the connection is the
// caller's no more.
func (c *conn) awaitInput() error {
	if c.sock == nil || c.stale.isStale() || c.aborted() {
		return c.awaitBytes(c.nc)
	}
	c.accountInput()
	if c.srv.isStopping() {
		return errStopping
	}
	if !c.watched {
		if err := c.srv.open.poller.watch(c); err != nil { // it cannot watch any more of them, or the connection is closed
			c.srv.open.poller.remove(c)
			c.sock = nil
			return c.awaitBytes(c.nc)
		}
		c.watched = true
	}
	c.nc.SetDeadline(time.Time{})
	err := c.readNow()
	switch {
	case err == errAgain && c.parkNow():
		return errParked
	case err == errAgain, errors.Is(err, os.ErrDeadlineExceeded): // something has happened meanwhile: a deadline is the registry's wakeAll
		return nil
	}
	return err
}

// readNow reads what is there.
func (c *conn) readNow() error {
	n, err := c.in.fill(c.sock)
	if n > 0 {
		c.received(n)
		return nil
	}
	return err
}

// parkNow parks the connection, if nothing has happened.
func (c *conn) parkNow() bool {
	c.activity.kept.Store(int64(c.buffers()))
	if c.park() {
		return true
	}
	c.sock.drained = false
	return false
}
