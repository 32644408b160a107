package resp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// TestSlowReader: a client that sends and never reads holds up nobody, and what is kept for it has a bound.
func TestSlowReader(t *testing.T) {
	s, addr := startServer(t, Options{})
	slow := dial(t, addr)
	value := strings.Repeat("x", 100<<10)
	call := string(appendCall(nil, [][]byte{[]byte("ECHO"), []byte(value)}))
	go func() {
		for range 1000 {
			if _, err := io.WriteString(slow, call); err != nil {
				return
			}
		}
	}()
	eventually(t, "the output buffer is full", func() bool { return s.outputBuffers.Load() > outputBufferBytes-2*int64(len(value)) })
	if n := s.outputBuffers.Load(); n > outputBufferBytes {
		t.Errorf("%d bytes are kept for one client", n)
	}
	other := dial(t, addr)
	for range 100 {
		other.ask("PING\r\n", "+PONG\r\n")
	}
	if got := string(other.do("CLIENT", "LIST").Str); !strings.Contains(got, "cmd=echo") {
		t.Errorf("CLIENT LIST: %s", got)
	}
	slow.Close()
	eventually(t, "the output buffer is gone", func() bool { return s.outputBuffers.Load() == 0 })
}

// TestWriteAllThenRead is what client libraries do with a pipeline: nothing is read before everything is written.
func TestWriteAllThenRead(t *testing.T) {
	_, addr := startServer(t, Options{})
	c := dial(t, addr)
	c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	c.Conn.(*net.TCPConn).SetWriteBuffer(64 << 10)
	var in, out bytes.Buffer
	for i := range 8000 {
		value := fmt.Sprintf("%01000d", i)
		in.Write(appendCall(nil, [][]byte{[]byte("ECHO"), []byte(value)}))
		fmt.Fprintf(&out, "$1000\r\n%s\r\n", value)
	}
	out.WriteString("+OK\r\n")
	c.send(in.String() + "QUIT\r\n")
	got := make([]byte, out.Len())
	if _, err := io.ReadFull(c.rd, got); err != nil || !bytes.Equal(got, out.Bytes()) {
		t.Errorf("the replies are not those to the calls: %v", err)
	}
	c.expectClosed()
}

// TestHalfClosed: who closes only its own half, as "nc" does, still reads its replies.
func TestHalfClosed(t *testing.T) {
	_, addr := startServer(t, Options{})
	c := dial(t, addr)
	value := strings.Repeat("x", 8<<20)
	c.send(strings.Repeat("ECHO y\r\n", 10) + string(appendCall(nil, [][]byte{[]byte("ECHO"), []byte(value)})) + "PING\r\n")
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.expect(strings.Repeat("$1\r\ny\r\n", 10) + fmt.Sprintf("$%d\r\n%s\r\n+PONG\r\n", len(value), value))
	c.expectClosed()
}

// TestLimitsChange: CONFIG SET counts for connections that are there already.
func TestLimitsChange(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *Server, dial func() *client) {
		a, b := dial(), dial()
		b.ask("PING\r\n", "+PONG\r\n")
		a.ask("CONFIG SET proto-max-bulk-len 1mb\r\n", "+OK\r\n")
		b.ask("*1\r\n$1048577\r\n", "-ERR Protocol error: invalid bulk length\r\n")
	})
}

// TestLongReply is longer than any buffer.
func TestLongReply(t *testing.T) {
	_, addr := startServer(t, Options{})
	c := dial(t, addr)
	value := strings.Repeat("0123456789", outputBufferBytes/10)
	go c.send(string(appendCall(nil, [][]byte{[]byte("ECHO"), []byte(value)})) + "PING\r\n")
	eventually(t, "the reply begins", func() bool { _, err := c.rd.Peek(1); return err == nil })
	c.expect(fmt.Sprintf("$%d\r\n", len(value)) + value + "\r\n+PONG\r\n")
}

// TestHalfCalls: connections that say nothing, or half of something, hold up nobody.
func TestHalfCalls(t *testing.T) {
	_, addr := startServer(t, Options{})
	for _, half := range []string{"", "P", "\x00", replica.Preface[:7], "*2\r\n$4\r\nECHO\r\n$1000000\r\nxx"} {
		dial(t, addr).send(half)
	}
	dial(t, addr).ask("PING\r\n", "+PONG\r\n")
}

func TestTimeout(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *Server, dial func() *client) {
		idle, busy := dial(), dial()
		idle.ask("PING\r\n", "+PONG\r\n")
		busy.ask("CONFIG SET timeout 10\r\n", "+OK\r\n")
		for range 4 {
			pass(4 * time.Second)
			busy.ask("PING\r\n", "+PONG\r\n")
		}
		idle.expectClosed()
		busy.ask("CONFIG SET timeout 0\r\n", "+OK\r\n")
		pass(time.Hour)
		busy.ask("PING\r\n", "+PONG\r\n")
	})
}

// TestTrim: an idle client keeps no large buffers, and half a call outlives them.
func TestTrim(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *Server, dial func() *client) {
		c, admin := dial(), dial()
		admin.ask("PING\r\n", "+PONG\r\n")
		pings := strings.Repeat("PING\r\n", 20_000)
		go c.send(pings + "*2\r\n$4\r\nECHO\r\n$5\r\nhe")
		c.expect(strings.Repeat("+PONG\r\n", 20_000))
		size := func() string {
			return regexp.MustCompile(`id=1 .* tot-mem=(\d+)`).FindStringSubmatch(string(admin.do("CLIENT", "LIST").Str))[1]
		}
		if got := size(); len(got) < 5 {
			t.Errorf("a busy client has %s bytes", got)
		}
		pass(time.Minute)
		c.ask("llo\r\n", "$5\r\nhello\r\n")
		pass(time.Minute)
		if got := size(); got != "0" {
			t.Errorf("an idle client has %s bytes", got)
		}
		c.ask("PING\r\n", "+PONG\r\n")
	})
}

// TestPanic costs one connection.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	backend := &fakeBackend{}
	backend.write = func(context.Context, []entry.Group) ([]reply.Reply, error) { panic("a bug") }
	bubble(t, Options{Backend: backend, Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(t *testing.T, _ *Server, dial func() *client) {
		one, other := dial(), dial()
		other.ask("PING\r\n", "+PONG\r\n")
		one.send("SET a b\r\n")
		one.expectClosed()
		other.ask("PING\r\n", "+PONG\r\n")
	})
	if !strings.Contains(log.String(), "a bug") || !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("the log says %q", log.String())
	}
}

// TestLinks: a node is let in at maxclients, and a zero byte alone does not make a node.
func TestLinks(t *testing.T) {
	got := make(chan string, 1)
	backend := &fakeBackend{link: func(nc net.Conn) {
		buf := make([]byte, 5)
		_, err := io.ReadFull(nc, buf)
		got <- fmt.Sprintf("%s %v", buf, err)
		io.WriteString(nc, "done")
	}}
	bubble(t, Options{Backend: backend, MaxClients: 1}, func(t *testing.T, s *Server, dial func() *client) {
		client := dial()
		client.ask("PING\r\n", "+PONG\r\n")
		for _, split := range []int{8, 1, 5} { // each is a stranger: maxclients is reached
			link := dial()
			link.send(replica.Preface[:split])
			pass(100 * time.Millisecond)
			if split < len(replica.Preface) {
				link.send(replica.Preface[split:])
			}
			pass(time.Hour)
			client.ask("PING\r\n", "+PONG\r\n")
			link.send("hello")
			if s := <-got; s != "hello <nil>" {
				t.Errorf("the link reads %q", s)
			}
			link.expect("done")
			link.expectClosed()
		}
		for _, wrong := range []string{"\x00CAIRN4\n", "\x00PING\r\n", "\x00"} {
			c := dial()
			c.send(wrong)
			pass(prefaceWait)
			c.expectClosed()
		}
		if n := s.clients.countLinks(); n != 0 {
			t.Errorf("%d links are left", n)
		}
	})
}

func TestMaxClients(t *testing.T) {
	const full = "-ERR max number of clients reached\r\n"
	bubble(t, Options{MaxClients: 2}, func(t *testing.T, s *Server, dial func() *client) {
		a, b := dial(), dial()
		a.ask("PING\r\n", "+PONG\r\n")
		b.ask("PING\r\n", "+PONG\r\n")
		c := dial()
		c.ask("PING\r\n", full) // it has said that it is no node
		c.expectClosed()
		quiet := dial()
		quiet.expect(full) // it has had its time to say so
		quiet.expectClosed()
		var strangers []*client
		for range maxStrangers {
			strangers = append(strangers, dial())
		}
		dial().expectClosed()
		for _, c := range strangers {
			c.expect(full)
			c.expectClosed()
		}
		a.ask("CONFIG SET maxclients 3\r\n", "+OK\r\n")
		c = dial()
		c.ask("PING\r\n", "+PONG\r\n")
		b.Close()
		c.Close()
		pass(time.Second)
		dial().ask("PING\r\n", "+PONG\r\n")
		if got := s.stats.refused.Load(); got != 2+maxStrangers+1 {
			t.Errorf("%d connections were refused", got)
		}
	})
}

// brokenListener fails before it accepts.
type brokenListener struct {
	*pipeListener
	failures int
	asked    int
}

func (l *brokenListener) Accept() (net.Conn, error) {
	if l.asked++; l.asked <= l.failures {
		return nil, errors.New("too many open files")
	}
	return l.pipeListener.Accept()
}

// TestAcceptFails: it is tried again, with time in between.
func TestAcceptFails(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Server, _ func() *client) {
		ln := &brokenListener{pipeListener: newPipeListener(), failures: 20}
		start := time.Now()
		go s.Serve(ln)
		c := newClient(t, ln.dial())
		c.ask("PING\r\n", "+PONG\r\n")
		if d := time.Since(start); d < 10*time.Second || d > 20*time.Second {
			t.Errorf("20 failures took %v", d)
		}
		ln.Close()
	})
}
