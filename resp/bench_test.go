package resp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// BenchmarkParse parses pipelines of 16 calls, with our parser, and with redcon's behind a guard; an operation is one
// call.
func BenchmarkParse(b *testing.B) {
	for _, size := range []int{3, 100, 10_000, 100_000} {
		for _, name := range []string{"own", "redcon"} {
			b.Run(fmt.Sprintf("value=%dB/parser=%s", size, name), func(b *testing.B) {
				p := newParser(testLimits())
				next := p.nextCall
				if name == "redcon" {
					next = guarded{p}.next
				}
				benchmarkParse(b, p, next, size)
			})
		}
	}
}

func benchmarkParse(b *testing.B, p *parser, next func() ([][]byte, error), size int) {
	const depth = 16
	var wire []byte
	for range depth {
		wire = appendCall(wire, [][]byte{[]byte("SET"), []byte("key:000000001"), bytes.Repeat([]byte("x"), size)})
	}
	rd := bytes.NewReader(wire)
	b.SetBytes(int64(len(wire) / depth))
	b.ReportAllocs()
	for n := 0; b.Loop(); {
		argv, err := next()
		for argv == nil && err == nil {
			p.recycle()
			if _, err = p.fill(rd); err == io.EOF {
				rd.Reset(wire)
				err = nil
			}
			argv, err = next()
		}
		if n++; err != nil || len(argv) != 3 {
			b.Fatal(err, len(argv))
		}
	}
}

// nullBackend answers at once.
type nullBackend struct {
	fakeBackend
	replies []reply.Reply
}

func (n *nullBackend) Write(_ context.Context, groups []entry.Group) ([]reply.Reply, error) {
	return n.replies[:len(groups[0].Calls)], nil
}

func (n *nullBackend) Read(_ context.Context, _ replica.Consistency, calls []entry.Call) ([]reply.Reply, error) {
	return n.replies[:len(calls)], nil
}

// BenchmarkPipeline is one client on the loopback; an operation is one call, allocations are those of the whole
// process.
func BenchmarkPipeline(b *testing.B) {
	for _, call := range []string{"PING", "GET key:000000001", "SET key:000000001 xxx"} {
		for _, depth := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("call=%.4s/depth=%d", call, depth), func(b *testing.B) {
				backend := &nullBackend{}
				for range runCalls {
					backend.replies = append(backend.replies, reply.OK())
				}
				_, addr := startServer(b, Options{Backend: backend})
				nc, err := net.Dial("tcp", addr)
				if err != nil {
					b.Fatal(err)
				}
				defer nc.Close()
				words, _ := splitWords([]byte(call))
				wire := bytes.Repeat(appendCall(nil, words), depth)
				answers := make([]byte, depth*len("+OK\r\n"))
				if call == "PING" {
					answers = make([]byte, depth*len("+PONG\r\n"))
				}
				b.ReportAllocs()
				for n := 0; b.Loop(); n++ {
					if n%depth != 0 {
						continue
					}
					if _, err := nc.Write(wire); err != nil {
						b.Fatal(err)
					}
					if _, err := io.ReadFull(nc, answers); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// wireConn is a client in memory: it sends wire n times, and takes all replies.
type wireConn struct {
	net.Conn
	wire []byte
	n    int // how often it is sent
	at   int
	done chan struct{}
}

func (c *wireConn) Read(p []byte) (int, error) {
	if c.at == len(c.wire) {
		c.at = 0
		c.n--
	}
	if c.n == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.wire[c.at:])
	c.at += n
	return n, nil
}
func (c *wireConn) Write(p []byte) (int, error) { return len(p), nil }
func (c *wireConn) Close() error {
	select {
	case <-c.done:
	default:
		close(c.done)
	}
	return nil
}
func (c *wireConn) SetDeadline(time.Time) error      { return nil }
func (c *wireConn) SetReadDeadline(time.Time) error  { return nil }
func (c *wireConn) SetWriteDeadline(time.Time) error { return nil }
func (c *wireConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (c *wireConn) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }

// BenchmarkRoad is what a call costs between the socket and the backend, without either.
func BenchmarkRoad(b *testing.B) {
	for _, call := range []string{"GET key:000000001", "SET key:000000001 xxx"} {
		for _, depth := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("call=%.4s/depth=%d", call, depth), func(b *testing.B) {
				backend := &nullBackend{}
				for range runCalls {
					backend.replies = append(backend.replies, reply.OK())
				}
				s, _ := startServer(b, Options{Backend: backend})
				words, _ := splitWords([]byte(call))
				c := &wireConn{wire: bytes.Repeat(appendCall(nil, words), depth), n: b.N/depth + 1, done: make(chan struct{})}
				b.ResetTimer()
				s.accept(c)
				<-c.done
			})
		}
	}
}
