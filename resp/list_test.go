package resp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// numbered lists n elements, and says that they are as many as it is told.
func numbered(n, promised int, seen func()) func(reply.Lister) error {
	return func(to reply.Lister) error {
		return to(reply.Array, promised, func(yield func(reply.Reply) error) error {
			for i := range n {
				if seen != nil {
					seen()
				}
				if err := yield(reply.BulkString(fmt.Sprintf("%016d", i))); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// TestList: a long reply stands among those of other calls as it was asked for.
func TestList(t *testing.T) {
	backend := &fakeBackend{list: numbered(3, 3, nil)}
	_, addr := startServer(t, Options{Backend: backend})
	c := dial(t, addr)
	c.send("GET a\r\nKEYS *\r\nSET b 1\r\nKEYS *\r\nKEYS\r\n")
	all := "*3\r\n$16\r\n0000000000000000\r\n$16\r\n0000000000000001\r\n$16\r\n0000000000000002\r\n"
	c.expect("$1\r\na\r\n" + all + "+OK\r\n" + all + "-ERR wrong number of arguments for 'keys' command\r\n")
	backend.list = numbered(0, 0, nil)
	c.send("KEYS *\r\nCLIENT REPLY SKIP\r\nKEYS *\r\nPING\r\n")
	c.expect("*0\r\n+PONG\r\n")
}

// TestLongRead: a reply that turns out to be long while others are read is listed in its place, in its shape.
func TestLongRead(t *testing.T) {
	kind := reply.Map
	backend := &fakeBackend{
		read: func(_ context.Context, _ replica.Consistency, calls []entry.Call) (replies []reply.Reply, err error) {
			for _, call := range calls {
				if string(call.Argv[1]) == "long" {
					return append(replies, reply.Reply{Kind: reply.Long}), nil
				}
				replies = append(replies, reply.BulkBytes(call.Argv[1]))
			}
			return replies, nil
		},
		list: func(to reply.Lister) error {
			return to(kind, 2, func(yield func(reply.Reply) error) error {
				return errors.Join(yield(reply.BulkString("f")), yield(reply.BulkString("v")))
			})
		},
	}
	_, addr := startServer(t, Options{Backend: backend})
	c := dial(t, addr)
	calls := "GET a\r\nHGETALL long\r\nHGETALL long\r\nGET\r\nGET b\r\nHGETALL long\r\n"
	arity := "-ERR wrong number of arguments for 'get' command\r\n"
	elems := "$1\r\nf\r\n$1\r\nv\r\n"
	ask := func(mark string) {
		t.Helper()
		c.send(calls)
		c.expect("$1\r\na\r\n" + mark + elems + mark + elems + arity + "$1\r\nb\r\n" + mark + elems)
	}
	ask("*2\r\n")
	c.do("HELLO", "3")
	ask("%1\r\n")
	kind = reply.Set
	ask("~2\r\n")
	kind = reply.Array
	ask("*2\r\n")
	kind = reply.Pairs
	ask("*1\r\n*2\r\n")
	c.do("HELLO", "2")
	ask("*2\r\n")
	backend.list = func(reply.Lister) error { return fmt.Errorf("list: %w", reply.ErrWrongType) }
	c.send("GET a\r\nHGETALL long\r\nPING\r\n")
	c.expect("$1\r\na\r\n-" + string(reply.ErrWrongType) + "\r\n+PONG\r\n")
}

// TestListFault: what fails before the first byte of a reply is an error like any other.
func TestListFault(t *testing.T) {
	backend := &fakeBackend{list: func(reply.Lister) error { return fmt.Errorf("%w: nobody answers", replica.ErrNoQuorum) }}
	s, addr := startServer(t, Options{Backend: backend})
	c := dial(t, addr)
	c.send("KEYS *\r\nPING\r\n")
	c.expect("-" + string(errNoQuorum) + "\r\n+PONG\r\n")
	if n := s.stats.errors.Load(); n != 1 {
		t.Errorf("%d errors are counted", n)
	}
}

// TestListBrokenOff: who was promised more than there is finds out by the end of the connection.
func TestListBrokenOff(t *testing.T) {
	for name, list := range map[string]func(reply.Lister) error{
		"fewer": numbered(2, 3, nil),
		"more":  numbered(3, 2, nil),
		"a fault": func(to reply.Lister) error {
			return to(reply.Array, 2, func(func(reply.Reply) error) error { return errors.New("the disk") })
		},
	} {
		_, addr := startServer(t, Options{Backend: &fakeBackend{list: list}})
		c := dial(t, addr)
		c.send("KEYS *\r\nPING\r\n")
		if got, _ := io.ReadAll(c.rd); strings.Contains(string(got), "PONG") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestLongList: a reply of hundreds of megabytes costs a bounded part of that, whether the client reads or not, and
// arrives whole.
func TestLongList(t *testing.T) {
	const n, each = 3 << 20, len("$16\r\n0123456789012345\r\n")
	most := int64(0)
	backend := &fakeBackend{}
	s, addr := startServer(t, Options{Backend: backend})
	backend.list = numbered(n, n, func() { most = max(most, s.outputBuffers.Load()) })
	c := dial(t, addr)
	c.send("KEYS *\r\n")
	eventually(t, "the client's output buffer to be full", func() bool { return s.outputBuffers.Load() > outputBufferBytes-2*flushBytes })
	c.expect(fmt.Sprintf("*%d\r\n", n))
	if _, err := io.CopyN(io.Discard, c.rd, (n-1)*int64(each)); err != nil {
		t.Fatal(err)
	}
	c.expect(fmt.Sprintf("$16\r\n%016d\r\n", n-1))
	c.ask("PING\r\n", "+PONG\r\n")
	if most > outputBufferBytes {
		t.Errorf("%d bytes waited for the client", most)
	}
}

// TestListStalled: a client that takes nothing of a long reply is cut off, and the backend's work for it ends.
func TestListStalled(t *testing.T) {
	const n = 3 << 20
	ended := make(chan error, 1)
	backend := &fakeBackend{list: func(to reply.Lister) error {
		err := numbered(n, n, nil)(to)
		ended <- err
		return err
	}}
	s, addr := startServer(t, Options{Backend: backend})
	s.listWait = 200 * time.Millisecond
	c := dial(t, addr)
	c.send("KEYS *\r\n")
	select {
	case err := <-ended:
		if err == nil {
			t.Error("all of it was written to a client that does not read")
		}
	case <-time.After(patience):
		t.Error("the client is still served")
	}
}
