package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"time"

	"cairn/fsm/reply"
)

// Timeout bounds each step of a Client: connecting, sending, and waiting for one reply.
const Timeout = 30 * time.Second

// Client is a connection that speaks RESP. It knows no command, does not retry and does not follow redirects. It is
// for one goroutine, except that one may send while another receives.
type Client struct {
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
}

// Dial connects to a server.
func Dial(addr string) (*Client, error) {
	conn, err := net.DialTimeout("tcp", addr, Timeout)
	if err != nil {
		return nil, fmt.Errorf("redistest: dial: %w", err)
	}
	return NewClient(conn), nil
}

// NewClient makes a client of a connection.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, r: bufio.NewReader(conn), w: bufio.NewWriter(conn)}
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Do sends a command and returns its reply. Pushes that come before it are dropped. After an error the client is of
// no use.
func (c *Client) Do(argv [][]byte) (reply.Reply, error) {
	c.Send(argv)
	if err := c.Flush(); err != nil {
		return reply.Reply{}, err
	}
	for {
		r, err := c.Receive()
		if err != nil || r.Kind != reply.Push {
			return r, err
		}
	}
}

// Cmd is Do with the words as strings.
func (c *Client) Cmd(words ...string) (reply.Reply, error) { return c.Do(Argv(words...)) }

// Argv returns words as the bytes of a command.
func Argv(words ...string) [][]byte {
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = []byte(w)
	}
	return argv
}

// Send queues a command for Flush.
func (c *Client) Send(argv [][]byte) {
	c.w.WriteString("*" + strconv.Itoa(len(argv)) + "\r\n") // a bufio.Writer keeps its error for Flush
	for _, a := range argv {
		c.w.WriteString("$" + strconv.Itoa(len(a)) + "\r\n")
		c.w.Write(a)
		c.w.WriteString("\r\n")
	}
}

// SendRaw queues bytes that need not be a command.
func (c *Client) SendRaw(b []byte) { c.w.Write(b) }

// Flush sends what is queued.
func (c *Client) Flush() error {
	if err := errors.Join(c.conn.SetWriteDeadline(time.Now().Add(Timeout)), c.w.Flush()); err != nil {
		return fmt.Errorf("redistest: send: %w", err)
	}
	return nil
}

// Receive returns the next reply, or push.
func (c *Client) Receive() (reply.Reply, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(Timeout)); err != nil {
		return reply.Reply{}, fmt.Errorf("redistest: receive: %w", err)
	}
	r, err := c.read()
	if err != nil {
		return r, fmt.Errorf("redistest: receive: %w", err)
	}
	return r, nil
}

// read reads one value of RESP2 or RESP3.
func (c *Client) read() (reply.Reply, error) {
	line, err := c.line()
	if err != nil {
		return reply.Reply{}, err
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+':
		return reply.Reply{Kind: reply.Status, Str: rest}, nil
	case '-':
		return reply.Reply{Kind: reply.Error, Str: rest}, nil
	case '(':
		return reply.Reply{Kind: reply.BigNumber, Str: rest}, nil
	case '_':
		return reply.Nil(), nil
	case '#':
		n := reply.Flag(string(rest) == "t").Int
		return reply.Reply{Kind: reply.Bool, Int: n}, nil
	case ',':
		f, err := strconv.ParseFloat(string(rest), 64)
		if string(rest) == "-nan" {
			f, err = math.NaN(), nil
		}
		return reply.DoubleOf(f), err
	}
	n, err := strconv.ParseInt(string(rest), 10, 64)
	if err != nil {
		return reply.Reply{}, fmt.Errorf("%q: %w", line, err)
	}
	switch kind {
	case ':':
		return reply.Int(n), nil
	case '$', '=', '!':
		return c.blob(kind, n)
	}
	return c.list(kind, n)
}

// line reads a line, which has at least one byte, and returns it without its end.
func (c *Client) line() ([]byte, error) {
	line, err := c.r.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return nil, fmt.Errorf("%q is no line of RESP", line)
	}
	return line[:len(line)-2], nil
}

// blob reads n bytes and the line end after them.
func (c *Client) blob(kind byte, n int64) (reply.Reply, error) {
	if n == -1 {
		return reply.Nil(), nil
	}
	if n < 0 || n > 512<<20 {
		return reply.Reply{}, fmt.Errorf("a string of %d bytes", n)
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(c.r, b); err != nil {
		return reply.Reply{}, err
	}
	if string(b[n:]) != "\r\n" {
		return reply.Reply{}, fmt.Errorf("a string of %d bytes ends in %q", n, b[n:])
	}
	b = b[:n]
	switch kind {
	case '=':
		return reply.Reply{Kind: reply.Verbatim, Str: b[min(4, n):]}, nil
	case '!':
		return reply.Reply{Kind: reply.Error, Str: b}, nil
	}
	return reply.BulkBytes(b), nil
}

// list reads the elements of an array, set, map or push.
func (c *Client) list(kind byte, n int64) (reply.Reply, error) {
	r := reply.Reply{}
	switch kind {
	case '*':
		r.Kind = reply.Array
	case '~':
		r.Kind = reply.Set
	case '>':
		r.Kind = reply.Push
	case '%':
		r.Kind = reply.Map
		n *= 2
	default:
		return r, fmt.Errorf("%q begins no value of RESP", kind)
	}
	if n == -1 && kind == '*' {
		return reply.NilArray(), nil
	}
	if n < 0 || n > 1<<24 {
		return r, fmt.Errorf("%d elements", n)
	}
	for range n {
		e, err := c.read()
		if err != nil {
			return r, err
		}
		r.Elems = append(r.Elems, e)
	}
	return r, nil
}
