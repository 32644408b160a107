package resp

import (
	"errors"
	"io"
	"os"
	"time"

	"cairn/fsm/replica"
)

// Waits for first bytes.
const (
	prefaceWait  = 5 * time.Second        // for the rest of a preface
	strangerWait = 500 * time.Millisecond // for the first byte of a connection that is refused unless it is a node's
)

// An idle client's buffers are taken away when there is more than a little in them.
const (
	trimWait  = 2 * time.Second
	trimBytes = 16 << 10
)

// errNoNode is returned for a connection that began like a node's and went on otherwise.
var errNoNode = errors.New("resp: no preface")

// sniff reads the first bytes and says whether they are a node's. One that is served only if they are has less time
// for them.
func (c *conn) sniff(stranger bool) (isLink bool, err error) {
	if stranger {
		c.nc.SetReadDeadline(time.Now().Add(strangerWait))
		_, err = c.in.fill(io.LimitReader(c.nc, int64(len(replica.Preface))))
	} else {
		err = c.awaitBytes(io.LimitReader(c.nc, int64(len(replica.Preface))))
	}
	if len(c.in.buf) == 0 || c.in.buf[0] != replica.Preface[0] {
		return false, err
	}
	var head [len(replica.Preface)]byte
	n := copy(head[:], c.in.buf)
	c.nc.SetReadDeadline(time.Now().Add(prefaceWait))
	if _, err := io.ReadFull(c.nc, head[n:]); err != nil || string(head[:]) != replica.Preface {
		return false, errNoNode
	}
	return true, nil
}

func (c *conn) serveLink() {
	if !c.srv.clients.link(c) {
		c.srv.o.Logger.Warn("too many links between nodes", "peer", c.nc.RemoteAddr().String())
		return
	}
	if c.linkDenied() {
		c.denyLink()
		return
	}
	c.nc.SetReadDeadline(time.Time{})
	c.srv.o.Backend.ServeLink(c.nc)
}

// awaitBytes waits for more bytes, or for a message in the outbox.
func (c *conn) awaitBytes(rd io.Reader) error {
	c.accountInput()
	c.outbox.interruptible(true)
	defer c.outbox.interruptible(false)
	for {
		timeout := c.setIdleDeadline()
		if c.srv.isStopping() {
			return errStopping
		}
		if c.outbox.waits() {
			return nil
		}
		if c.stale.waitedEnough(c.in.between()) {
			return errStaleClient
		}
		if c.abortedTooLong() {
			return errEndlessTransaction
		}
		n, err := c.in.fill(rd)
		switch {
		case n > 0:
			c.received(n)
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case c.stale.isStale() && c.in.between():
			return errStaleClient
		case c.stale.isStale():
			c.out.flush() // it may wait for these before it sends the rest of a call
		case timeout > 0 && !time.Now().Before(c.activity.idleUntil(timeout)):
			return errIdle
		}
		c.trim()
	}
}

// received notes that n bytes came.
func (c *conn) received(n int) {
	c.stale.bytes += n
	c.srv.stats.in.Add(uint64(n))
	c.srv.stats.reads.Add(1)
	c.activity.received(len(c.in.buf), cap(c.in.buf))
	c.accountInput()
}

// setIdleDeadline lets a read end when the client has been idle too long, or long enough to take its buffers away.
// When it returns, a change of the timeout has been seen or will end the read.
func (c *conn) setIdleDeadline() (timeout time.Duration) {
	for {
		timeout = c.srv.settings.load().timeout
		if c.listens() { // such a client says nothing
			timeout = 0
		}
		end := c.activity.idleUntil(timeout)
		if quiet := time.Now().Add(trimWait); c.buffers() > trimBytes && (timeout == 0 || quiet.Before(end)) {
			end = quiet
		}
		if over := c.sess.abortedAt.Add(abortedWait); c.aborted() && (end.IsZero() || over.Before(end)) {
			end = over
		}
		if c.stale.isStale() {
			end = time.Now().Add(staleQuiet)
		}
		c.nc.SetReadDeadline(end)
		if c.listens() || c.srv.settings.load().timeout == timeout {
			return timeout
		}
	}
}

// buffers returns how many bytes the connection keeps for its next calls.
func (c *conn) buffers() int {
	return cap(c.in.buf) + cap(c.in.mem.chunk) + cap(c.out.buf) + argOverhead*cap(c.run.words)
}

func (c *conn) trim() {
	c.in.trim()
	c.out.buf, c.run = nil, run{}
	c.activity.unread.Store(int64(len(c.in.buf)))
	c.activity.buffer.Store(int64(cap(c.in.buf)))
	c.accountInput()
}
