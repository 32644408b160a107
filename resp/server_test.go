package resp

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"
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
	nc.SetDeadline(time.Now().Add(20 * time.Second))
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

// expectClosed reads the end of the connection.
func (c *client) expectClosed() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.rd); err != nil || len(rest) > 0 {
		c.t.Fatalf("got %q, %v, want the end", rest, err)
	}
}

func TestServerAnswers(t *testing.T) {
	_, addr := startServer(t, Options{})
	c := dial(t, addr)
	c.send("PING\r\n*2\r\n$4\r\nPING\r\n$2\r\nhi\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nNOPE a\r\nget a b\r\n")
	c.expect("+PONG\r\n$2\r\nhi\r\n$1\r\nk\r\n-ERR unknown command 'NOPE', with args beginning with: 'a' \r\n" +
		"-ERR wrong number of arguments for 'get' command\r\n")
}

func TestThirtyBytes(t *testing.T) {
	_, addr := startServer(t, Options{})
	c := dial(t, addr)
	c.send("*1\r\n$9223372036854775807\r\nx\r\n")
	c.expect("-ERR Protocol error: invalid bulk length\r\n")
	c.expectClosed()
	c = dial(t, addr)
	c.send("PING\r\n")
	c.expect("+PONG\r\n")
}
