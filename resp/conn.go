package resp

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime/debug"
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
	errStopping = errors.New("resp: the server is stopping")
	errIdle     = errors.New("resp: the client is idle")
	errAstray   = errors.New("resp: the client takes this node for the leader")
)

// conn is one connection. Everything runs in its one goroutine, but what says otherwise.
type conn struct {
	srv    *Server
	id     int64
	nc     net.Conn
	in     *parser
	out    writer
	run    run
	sess   session
	seen   seen // guarded by itself: CLIENT LIST reads it
	held   held // likewise
	astray astray
	ctx    context.Context
	cancel context.CancelFunc
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc}
	c.out = writer{dst: newBacklog(nc, &s.backlogs, c.holdOutput), count: &s.stats.out}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	c.sess.authed = s.settings.load().requirePass == ""
	c.seen.begin(time.Now())
	return c
}

// kill ends the connection at once, whatever it is doing. Any goroutine may call it, more than once.
func (c *conn) kill() {
	c.cancel()
	c.nc.Close()
}

// end closes the connection and waits for the last of its goroutines.
func (c *conn) end() {
	c.kill()
	_ = c.out.dst.finish(0) // the connection is closed: an error is no news
	c.srv.memory.total.Add(-c.held.input.Swap(0))
}

// serve runs the connection from its first byte to its end. A panic costs this connection only.
func (c *conn) serve(stranger bool) {
	defer c.srv.clients.remove(c)
	defer c.end()
	defer func() {
		if p := recover(); p != nil {
			c.srv.o.Logger.Error("a connection's handling panicked", "peer", c.nc.RemoteAddr().String(), "err", p, "stack", string(debug.Stack()))
		}
	}()
	setKeepAlive(c.nc, c.srv.settings.load().keepAlive)
	c.in = newParser(limits{})
	c.applySession()
	isLink, err := c.sniff(stranger)
	switch {
	case isLink:
		c.serveLink()
	case stranger && (err == nil || errors.Is(err, os.ErrDeadlineExceeded)):
		c.srv.stats.refused.Add(1)
		c.out.reply(reply.Errorf("ERR max number of clients reached").Reply())
		c.linger()
	case err == nil && !stranger:
		c.astray.begin(c.srv.o.Backend.Status())
		c.loop()
	}
}

// loop answers calls until the client leaves, breaks the protocol, or is to go.
func (c *conn) loop() {
	for !c.sess.closing && c.out.err == nil && c.ctx.Err() == nil {
		argv, err := c.in.next()
		if argv != nil {
			c.handle(argv)
			continue
		}
		c.settle()
		if err != nil {
			c.refuse(err)
			return
		}
		c.out.flush()
		c.in.recycle()
		if err := c.read(c.nc); errors.Is(err, errStopping) || errors.Is(err, errAstray) || errors.Is(err, io.EOF) {
			break // it may still read
		} else if err != nil {
			return
		}
		c.applySession() // the settings may have changed
	}
	c.linger()
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

// linger writes what is left to write and gives the client a moment to read it: a connection closed over unread bytes is
// reset, and the client would lose its last reply.
func (c *conn) linger() {
	c.out.flush()
	half, ok := c.nc.(interface{ CloseWrite() error })
	if c.out.err != nil || c.out.dst.finish(lastWait) != nil || !ok || half.CloseWrite() != nil {
		return
	}
	c.nc.SetReadDeadline(time.Now().Add(lingerWait))
	io.CopyN(io.Discard, c.nc, lingerBytes)
}
