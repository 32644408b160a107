package console

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

// conn is one connection to one node. Any error makes it useless.
type conn struct {
	nc       net.Conn
	r        *replyReader
	addr     string
	db       int       // what the node has selected for this connection
	lastUsed time.Time // when the last reply came
	pushes   bool      // a push message is an answer: that of SUBSCRIBE is one in RESP3
}

func dial(ctx context.Context, addr string) (*conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3,
	}}
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{nc: nc, r: newReplyReader(nc), addr: addr, lastUsed: time.Now()}, nil
}

// appendCommand appends args as the RESP array of bulk strings that servers read.
func appendCommand(dst []byte, args []string) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(len(args)), 10)
	for _, a := range args {
		dst = append(dst, "\r\n$"...)
		dst = strconv.AppendInt(dst, int64(len(a)), 10)
		dst = append(dst, "\r\n"...)
		dst = append(dst, a...)
	}
	return append(dst, "\r\n"...)
}

// call sends one command and waits for its reply, without a limit of its own: ctx is the limit. Push messages are
// dropped unless c.pushes. When it fails, sent reports whether the node may have the whole command, and so may have
// executed it.
func (c *conn) call(ctx context.Context, args []string) (rep reply, sent bool, err error) {
	if err := ctx.Err(); err != nil {
		return reply{}, false, err
	}
	stop := context.AfterFunc(ctx, func() { c.nc.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() && err == nil {
			c.nc.Close() // its deadline has passed: good for this reply, not for another
		}
	}()
	buf := appendCommand(nil, args)
	if n, err := c.nc.Write(buf); err != nil {
		return reply{}, n == len(buf), err
	}
	for {
		rep, err := c.r.next()
		if err != nil {
			return reply{}, true, err
		}
		if rep.kind != '>' || c.pushes {
			c.lastUsed = time.Now()
			return rep, true, nil
		}
	}
}

// listen waits for what the node says next, unasked. Any end of ctx makes the connection useless.
func (c *conn) listen(ctx context.Context) (reply, error) {
	stop := context.AfterFunc(ctx, func() { c.nc.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	return c.r.next()
}

// alive reports whether the node has not closed the connection, nor said anything unasked, since the last reply.
func (c *conn) alive() bool {
	if err := c.nc.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return false
	}
	head, err := c.r.br.Peek(1)
	if err == nil {
		err = c.nc.SetReadDeadline(time.Time{})
		return err == nil && head[0] == '>'
	}
	return errors.Is(err, os.ErrDeadlineExceeded) && c.nc.SetReadDeadline(time.Time{}) == nil
}

// greet brings a new connection to what the user has set: credentials and protocol. The database follows with the
// first command. What the node refuses is told to warn and is no failure: its next answers will speak for themselves.
func (c *conn) greet(ctx context.Context, st *state, warn func(string)) error {
	if st.password != "" {
		args := []string{"AUTH", st.password}
		if st.user != "" {
			args = []string{"AUTH", st.user, st.password}
		}
		if err := c.must(ctx, warn, args, "AUTH"); err != nil {
			return err
		}
	}
	if st.proto != 2 {
		return c.must(ctx, warn, []string{"HELLO", strconv.Itoa(st.proto)}, "HELLO "+strconv.Itoa(st.proto))
	}
	return nil
}

func (c *conn) must(ctx context.Context, warn func(string), args []string, what string) error {
	rep, _, err := c.call(ctx, args)
	if err == nil && rep.isError() {
		warn(what + " failed: " + rep.text)
	}
	return err
}

// cause is the short form of a network error: "connection refused", without the addresses that stand beside it.
func cause(err error) string {
	var op *net.OpError
	var sys *os.SyscallError
	switch {
	case errors.As(err, &sys):
		return sys.Err.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &op):
		return op.Err.Error()
	case errors.Is(err, io.EOF):
		return "closed by the node"
	}
	return err.Error()
}
