package resp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestMain fails when goroutines of the package outlive its tests.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leaked(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leaked returns the stacks of this package's goroutines that do not end by themselves in a while.
func leaked() (left string) {
	for range 100 {
		buf := make([]byte, 1<<20)
		left = ""
		for _, stack := range bytes.Split(buf[:runtime.Stack(buf, true)], []byte("\n\n")) {
			if bytes.Contains(stack, []byte("cairn/resp.")) && !bytes.Contains(stack, []byte("resp.TestMain")) {
				left += string(stack) + "\n\n"
			}
		}
		if left == "" {
			return ""
		}
		<-time.After(20 * time.Millisecond)
	}
	return left
}

// pipeListener makes connections in memory, which time inside synctest understands.
type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (l *pipeListener) dial() net.Conn {
	here, there := net.Pipe()
	l.conns <- there
	return here
}

// pass lets time pass, inside a bubble.
func pass(d time.Duration) { <-time.After(d) }

// bubble runs fn inside synctest with a server on a pipeListener.
func bubble(t *testing.T, o Options, fn func(t *testing.T, s *Server, dial func() *client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Backend == nil {
			o.Backend = &fakeBackend{}
		}
		s := NewServer(o)
		ln := newPipeListener()
		served := make(chan error, 1)
		go func() { served <- s.Serve(ln) }()
		defer func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := errors.Join(s.Shutdown(ctx), <-served); err != nil {
				t.Errorf("Shutdown or Serve: %v", err)
			}
		}()
		fn(t, s, func() *client {
			nc := ln.dial()
			c := newClient(t, nc)
			nc.SetDeadline(time.Time{})
			return c
		})
	})
}

// byID returns a client; it is there.
func (r *registry) byID(id int64) *conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.clients[id]
}
