package resp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cairn/fsm/replica"
)

// farListener makes its connections come from an address.
type farListener struct {
	net.Listener
	from string
}

type farConn struct {
	*net.TCPConn
	from net.Addr
}

func (c farConn) RemoteAddr() net.Addr { return c.from }

func (l farListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return farConn{nc.(*net.TCPConn), net.TCPAddrFromAddrPort(netipPort(l.from))}, nil
}

// from serves s on another port too, whose connections come from an address, and returns that port's.
func from(t *testing.T, s *Server, addr string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(farListener{ln, addr}) }()
	t.Cleanup(func() { // it runs before startServer's
		if err := errors.Join(s.Shutdown(context.Background()), <-served); err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

func TestDistant(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:1": false, "127.8.9.1:1": false, "[::1]:1": false, "[::ffff:127.0.0.1]:1": false,
		"10.0.0.1:1": true, "128.0.0.1:1": true, "[::]:1": true, "[fe80::1%eth0]:1": true, "[::ffff:10.0.0.1]:1": true, "[2001:db8::1]:1": true,
	} {
		if got := distant(net.TCPAddrFromAddrPort(netipPort(addr))); got != want {
			t.Errorf("%s is distant: %v", addr, got)
		}
	}
	if here, _ := net.Pipe(); distant(here.RemoteAddr()) || distant(&net.UnixAddr{Name: "/tmp/x", Net: "unix"}) {
		t.Error("a connection in memory, or a Unix socket, is distant")
	}
}

// TestProtectedMode: without a password a client from another machine is refused, at its first byte or soon without
// one, and told what to do. What CONFIG SET says counts for those who come after.
func TestProtectedMode(t *testing.T) {
	s, near := startServer(t, Options{})
	far := from(t, s, "192.0.2.7:4711")
	denied := "-" + string(errDenied) + "\r\n"
	admin := dial(t, near)
	refused := func() {
		t.Helper()
		for _, send := range []string{"PING\r\n", "", "*1\r\n$x", "MULTI\r\nSET a 1\r\nEXEC\r\n"} {
			c := dial(t, far)
			c.send(send)
			c.expect(denied)
			c.expectClosed()
		}
	}
	served := func() { t.Helper(); dial(t, far).ask("ECHO hi\r\n", "$2\r\nhi\r\n") }
	refused()
	if n := s.stats.refused.Load(); n != 4 {
		t.Errorf("INFO counts %d refused connections", n)
	}
	admin.ask("CONFIG GET protected-mode\r\nCONFIG SET protected-mode NO\r\n", "*2\r\n$14\r\nprotected-mode\r\n$3\r\nyes\r\n+OK\r\n")
	served()
	admin.ask("CONFIG GET protected-mode\r\nCONFIG SET protected-mode yes\r\n", "*2\r\n$14\r\nprotected-mode\r\n$2\r\nno\r\n+OK\r\n")
	refused()
	admin.ask("CONFIG SET requirepass x\r\n", "+OK\r\n")
	c := dial(t, far)
	c.ask("PING\r\nAUTH x\r\nPING\r\n", "-NOAUTH Authentication required.\r\n+OK\r\n+PONG\r\n")
	admin.ask("CONFIG SET requirepass \"\"\r\n", "+OK\r\n")
	refused()
	c.ask("PING\r\n", "+PONG\r\n") // who is in stays in
	admin.ask("CONFIG SET protected-mode perhaps\r\n",
		"-ERR CONFIG SET failed (possibly related to argument 'protected-mode') - argument must be 'yes' or 'no'\r\n")
	if !strings.HasPrefix(denied, "-DENIED ") || !strings.Contains(denied, "--requirepass") || !strings.Contains(denied, "--protected-mode no") {
		t.Errorf("a client is told %q", denied)
	}
}

// TestProtectedModeSparesNodes: a password that is missing is no reason to refuse a node that has the secret.
func TestProtectedModeSparesNodes(t *testing.T) {
	linked := make(chan string, 1)
	s, _ := startServer(t, Options{Backend: &fakeBackend{link: func(nc net.Conn) { linked <- nc.RemoteAddr().String() }}})
	dial(t, from(t, s, "192.0.2.7:4711")).send(replica.Preface)
	select {
	case <-linked:
	case <-time.After(10 * time.Second):
		t.Error("no link")
	}
}

func netipPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
