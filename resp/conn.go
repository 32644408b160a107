package resp

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"cairn/fsm/reply"
)

// What a client may cost that is to go.
const (
	lastWait    = 5 * time.Second        // for a client to take what was kept for it
	lingerWait  = 200 * time.Millisecond // for a client to close after its last reply
	lingerBytes = 256 << 10              // that are read and forgotten meanwhile
)

var (
	errStopping    = errors.New("resp: the server is stopping")
	errIdle        = errors.New("resp: the client is idle")
	errStaleClient = errors.New("resp: the client takes this node for the leader")
)

// conn is one connection. Everything runs in the goroutine that has it, see ownership, but what says otherwise.
type conn struct {
	srv       *Server
	id        int64
	nc        net.Conn
	ownership         // whose it is
	sock      *socket // nil when it is never parked
	watched   bool    // the poller knows it
	in        *parser
	pending   pendingCall
	last      lastRoute
	out       writer
	outbox    outbox // guarded by itself
	run       run
	sess      session
	activity  activity  // guarded by itself: CLIENT LIST reads it
	memory    memoryUse // likewise
	stale     staleClient
	ctx       context.Context
	cancel    context.CancelFunc
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc, sock: newSocket(nc)}
	c.out = writer{dst: newOutputBuffer(nc, &s.outputBuffers, c.accountOutput), count: &s.stats.out}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	c.sess.authed = s.settings.load().requirePass == ""
	c.activity.start(time.Now())
	return c
}

// kill ends the connection at once, whatever it is doing. Any goroutine may call it, more than once.
func (c *conn) kill() {
	c.cancel()
	c.nc.Close()
	c.wake()
}

// end closes the connection and waits for the last of its goroutines. It is not counted any more when it is closed: a
// client that sees the end and comes back has its place.
func (c *conn) end() {
	if c.watched {
		c.srv.open.poller.remove(c)
	}
	c.srv.clients.remove(c)
	c.kill()
	c.closeOutbox()
	_ = c.out.dst.awaitWritten(0) // the connection is closed: an error is no news
	c.srv.memory.total.Add(-c.memory.input.Swap(0))
}

// serve runs the connection from its first byte to its end, or until it is parked.
func (c *conn) serve(stranger bool) (kept bool) {
	setKeepAlive(c.nc, c.srv.settings.load().keepAlive)
	c.in = newParser(limits{})
	c.applySession()
	denied := c.denied()
	isLink, err := c.sniff(stranger || denied)
	switch {
	case isLink:
		c.serveLink()
	case denied && (err == nil || errors.Is(err, os.ErrDeadlineExceeded)):
		c.deny()
	case stranger && (err == nil || errors.Is(err, os.ErrDeadlineExceeded)):
		c.srv.stats.refused.Add(1)
		c.out.reply(reply.Errorf("ERR max number of clients reached").Reply())
		c.linger()
	case err == nil && !stranger && !denied:
		c.stale.setLimit(c.srv.o.Backend.Status())
		return c.loop()
	}
	return false
}

// loop answers calls until the client leaves, breaks the protocol, or is to go, or until the connection is parked:
// the caller has it no more then.
func (c *conn) loop() (kept bool) {
	c.executeRun() // what a batch has left
	for !c.sess.closing && c.out.err == nil && c.ctx.Err() == nil {
		c.collect()
		c.executeRun()
		c.writeMessages()
		switch next := c.pending; {
		case next.argv != nil:
			if c.pending = (pendingCall{}); !c.join(&next) {
				c.runSingle(next)
			}
			continue
		case next.err != nil:
			c.refuse(next.err)
			return false
		}
		if !c.stale.isStale() {
			c.out.flush()
		}
		c.in.recycle()
		if err := c.awaitInput(); err == errParked {
			return true
		} else if errors.Is(err, errStopping) || errors.Is(err, errStaleClient) || errors.Is(err, errEndlessTransaction) || errors.Is(err, io.EOF) {
			break // it may still read
		} else if err != nil {
			return false
		}
		c.applySession() // the settings may have changed
	}
	c.linger()
	return false
}

// refuse tells a client what was wrong with its bytes.
func (c *conn) refuse(err error) {
	c.srv.o.Logger.Debug("a client broke the protocol", "peer", c.nc.RemoteAddr().String(), "err", err)
	var wrong protocolError
	if errors.As(err, &wrong) {
		c.out.reply(reply.Errorf("ERR %v", wrong).Reply())
	}
	c.linger()
}

// linger writes what is left to write and gives the client a moment to read it: a connection closed over unread bytes
// is reset, and the client would lose its last reply.
func (c *conn) linger() {
	c.closeOutbox()
	c.out.flush()
	half, ok := c.nc.(interface{ CloseWrite() error })
	if c.out.err != nil || c.out.dst.awaitWritten(lastWait) != nil || !ok || half.CloseWrite() != nil {
		return
	}
	c.nc.SetReadDeadline(time.Now().Add(lingerWait))
	io.CopyN(io.Discard, c.nc, lingerBytes)
}
