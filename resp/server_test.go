package resp

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"testing"
	"time"

	"cairn/fsm/reply"
)

// client is the far end of a connection.
type client struct {
	net.Conn
	t  testing.TB
	rd *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return newClient(t, nc)
}

func newClient(t testing.TB, nc net.Conn) *client {
	nc.SetDeadline(time.Now().Add(2 * patience))
	return &client{Conn: nc, t: t, rd: bufio.NewReader(nc)}
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// expect reads exactly want.
func (c *client) expect(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.rd, got)
	if string(got[:n]) != want {
		c.t.Fatalf("got %q (%v), want %q", got[:n], err, want)
	}
}

// ask sends s and expects want.
func (c *client) ask(s, want string) {
	c.t.Helper()
	c.send(s)
	c.expect(want)
}

// expectClosed reads the end of the connection.
func (c *client) expectClosed() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.rd); err != nil || len(rest) > 0 {
		c.t.Fatalf("got %q, %v, want the end", rest, err)
	}
}

// do sends a call and returns its reply.
func (c *client) do(argv ...string) reply.Reply {
	c.t.Helper()
	words := make([][]byte, len(argv))
	for i, w := range argv {
		words[i] = []byte(w)
	}
	c.send(string(appendCall(nil, words)))
	r, err := readReply(c.rd)
	if err != nil {
		c.t.Fatalf("%q: %v", argv, err)
	}
	return r
}

// appendCall appends a call as clients send it.
func appendCall(dst []byte, argv [][]byte) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(argv))
	for _, a := range argv {
		dst = fmt.Appendf(dst, "$%d\r\n%s\r\n", len(a), a)
	}
	return dst
}

// readReply reads one value of RESP2 or RESP3.
func readReply(rd *bufio.Reader) (r reply.Reply, err error) {
	line, err := rd.ReadBytes('\n')
	if err != nil {
		return r, err
	}
	if len(line) < 3 {
		return r, fmt.Errorf("no reply: %q", line)
	}
	mark, text := line[0], line[1:len(line)-2]
	lines := map[byte]reply.Kind{'+': reply.Status, '-': reply.Error, '(': reply.BigNumber}
	if kind, ok := lines[mark]; ok {
		return reply.Reply{Kind: kind, Str: text}, nil
	}
	switch mark {
	case '_':
		return reply.Nil(), nil
	case '#':
		return reply.Reply{Kind: reply.Bool, Int: int64(len(text) - len("f") + boolInt(text[0] == 't'))}, nil
	case ',':
		f, err := strconv.ParseFloat(string(text), 64)
		return reply.DoubleOf(f), err
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	switch {
	case err != nil:
		return r, err
	case mark == ':':
		return reply.Int(n), nil
	case mark == '$' || mark == '=':
		return readString(rd, mark, n)
	}
	return readElems(rd, mark, n)
}

func readString(rd io.Reader, mark byte, n int64) (reply.Reply, error) {
	if n < 0 {
		return reply.Nil(), nil
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(rd, b); err != nil {
		return reply.Reply{}, err
	}
	if mark == '=' {
		return reply.Reply{Kind: reply.Verbatim, Str: b[len("txt:"):n]}, nil
	}
	return reply.BulkBytes(b[:n]), nil
}

func readElems(rd *bufio.Reader, mark byte, n int64) (reply.Reply, error) {
	kinds := map[byte]reply.Kind{'*': reply.Array, '%': reply.Map, '~': reply.Set, '>': reply.Push}
	kind, ok := kinds[mark]
	switch {
	case !ok:
		return reply.Reply{}, fmt.Errorf("no reply begins with %q", mark)
	case n < 0:
		return reply.NilArray(), nil
	case mark == '%':
		n *= 2
	}
	r := reply.Reply{Kind: kind, Elems: []reply.Reply{}}
	for range n {
		e, err := readReply(rd)
		if err != nil {
			return r, err
		}
		r.Elems = append(r.Elems, e)
	}
	return r, nil
}

// patience is how long a test waits for what must come, on a machine that is busy with other things.
const patience = time.Minute

// eventually waits until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not yet", what)
		}
	}
}

func sameReply(a, b reply.Reply) bool {
	if a.Kind != b.Kind || a.Int != b.Int || string(a.Str) != string(b.Str) || len(a.Elems) != len(b.Elems) ||
		a.Float != b.Float && !(math.IsNaN(a.Float) && math.IsNaN(b.Float)) {
		return false
	}
	for i := range a.Elems {
		if !sameReply(a.Elems[i], b.Elems[i]) {
			return false
		}
	}
	return true
}
