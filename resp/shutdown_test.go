package resp

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// TestShutdown finishes what is in flight, cuts nobody off in the middle of a reply, and ends links last.
func TestShutdown(t *testing.T) {
	proposed, finish, linked, linkEnded := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	backend := &fakeBackend{}
	backend.write = func(context.Context, []entry.Group) ([]reply.Reply, error) {
		close(proposed)
		<-finish
		return []reply.Reply{reply.OK(), reply.OK()}, nil
	}
	backend.link = func(nc net.Conn) { close(linked); nc.Read(make([]byte, 1)); close(linkEnded) }
	s, addr := startServer(t, Options{Backend: backend})
	idle, half, busy, link := dial(t, addr), dial(t, addr), dial(t, addr), dial(t, addr)
	link.send(replica.Preface)
	<-linked // until then it is a client that has said nothing, and is cut off as one
	idle.ask("PING\r\n", "+PONG\r\n")
	half.ask("PING\r\n*1\r\n$4\r\nPI", "+PONG\r\n")
	busy.ask("PING\r\n", "+PONG\r\n")
	busy.send("SET a b\r\nSET c d\r\nPING\r\n")
	<-proposed
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	idle.expectClosed()
	half.expectClosed()
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("connections are still accepted")
	}
	select {
	case <-done:
		t.Error("Shutdown did not wait for the write")
	case <-linkEnded:
		t.Error("a link ended before the write that may need it")
	default:
	}
	close(finish)
	busy.expect("+OK\r\n+OK\r\n+PONG\r\n")
	busy.expectClosed()
	if err := <-done; err != nil {
		t.Error(err)
	}
	<-linkEnded
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("again: %v", err)
	}
}

// TestShutdownHasATime cuts off who does not end.
func TestShutdownHasATime(t *testing.T) {
	backend := &fakeBackend{}
	backend.write = func(ctx context.Context, _ []entry.Group) ([]reply.Reply, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{Backend: backend})
		ln := newPipeListener()
		go s.Serve(ln)
		c := newClient(t, ln.dial())
		c.send("SET a b\r\n")
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("it took %v", d)
		}
		if err := s.Serve(newPipeListener()); err != nil {
			t.Errorf("Serve after Shutdown: %v", err)
		}
	})
}

// TestShutdownCommand ends without a reply, with the server.
func TestShutdownCommand(t *testing.T) {
	for _, call := range []string{"SHUTDOWN", "shutdown nosave", "SHUTDOWN SAVE NOW FORCE"} {
		asked := make(chan struct{})
		s, addr := startServer(t, Options{Shutdown: func() { close(asked) }})
		c := dial(t, addr)
		c.send(call + "\r\n")
		<-asked
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		c.expectClosed()
	}
	_, addr := startServer(t, Options{})
	dial(t, addr).ask("SHUTDOWN\r\nPING\r\n", "-ERR Errors trying to SHUTDOWN. Check logs.\r\n+PONG\r\n")
}
