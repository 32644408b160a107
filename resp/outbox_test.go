package resp

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// note is a message to whoever is told it.
func note(sender, n int) reply.Reply {
	return pushOf(reply.BulkString("note"), reply.Int(int64(sender)), reply.Int(int64(n)))
}

func says(messages ...reply.Reply) func(*choices) []reply.Reply {
	return func(*choices) []reply.Reply { return messages }
}

// TestMessagesAmongReplies: messages of many senders come whole, each sender's in its order, between the replies of a
// client that pipelines all sorts of calls. The connection is parked, or has a goroutine of its own.
func TestMessagesAmongReplies(t *testing.T) {
	const senders, notes, rounds, elems = 8, 300, 40, 500
	backend := &fakeBackend{}
	backend.read = func(_ context.Context, _ replica.Consistency, calls []entry.Call) (replies []reply.Reply, err error) {
		for _, c := range calls[:min(2, len(calls))] {
			replies = append(replies, reply.BulkBytes(bytes.Repeat(c.Argv[1], 20<<10)))
		}
		return replies, nil
	}
	backend.list = func(to reply.Lister) error {
		return to(reply.Array, elems, func(yield func(reply.Reply) error) error {
			for range elems {
				if err := yield(reply.BulkString("element")); err != nil {
					return err
				}
			}
			return nil
		})
	}
	s, addr := startServer(t, Options{Backend: backend})
	pipes := newPipeListener()
	served := make(chan error, 1)
	go func() { served <- s.Serve(pipes) }()
	t.Cleanup(func() {
		pipes.Close()
		<-served
	})
	for name, connect := range map[string]func() *client{
		"parked": func() *client { return dial(t, addr) },
		"alone": func() *client {
			nc := pipes.dial()
			t.Cleanup(func() { nc.Close() })
			return newClient(t, nc)
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := connect()
			client.t = t
			client.do("HELLO", "3")
			told := s.clients.byID(client.do("CLIENT", "ID").Int)
			var sending sync.WaitGroup
			for sender := range senders {
				sending.Go(func() {
					for n := range notes {
						told.tell(says(note(sender, n)))
					}
				})
			}
			sending.Go(func() {
				for range rounds {
					fmt.Fprint(client, "SET a 1\r\nKEYS *\r\nGET x\r\nGET y\r\nGET z\r\nNOSUCH\r\nPING\r\n")
				}
			})
			var heard [senders]int64
			kinds := []reply.Kind{reply.Status, reply.Array, reply.Bulk, reply.Bulk, reply.Bulk, reply.Error, reply.Status}
			for replies, messages := 0, 0; replies < rounds*len(kinds) || messages < senders*notes; {
				r, err := readReply(client.rd)
				if err != nil {
					t.Fatalf("after %d replies and %d messages: %v", replies, messages, err)
				}
				if r.Kind != reply.Push {
					if want := kinds[replies%len(kinds)]; r.Kind != want {
						t.Fatalf("reply %d is %v", replies, r)
					}
					if r.Kind == reply.Array && len(r.Elems) != elems {
						t.Fatalf("a list has %d elements", len(r.Elems))
					}
					replies++
					continue
				}
				sender := r.Elems[1].Int
				if r.Elems[2].Int != heard[sender] {
					t.Fatalf("message %d of sender %d came when %d was due", r.Elems[2].Int, sender, heard[sender])
				}
				heard[sender]++
				messages++
			}
			sending.Wait()
			eventually(t, "nothing is held any more", func() bool { return s.memory.total.Load() == 0 && told.outbox.size.Load() == 0 })
		})
	}
}

// TestMessageWakes: a client that says nothing hears a message at once, whatever its connection waits in, again and
// again; CLIENT REPLY does not silence it.
func TestMessageWakes(t *testing.T) {
	s, addr := startServer(t, Options{})
	c := dial(t, addr)
	told := s.clients.byID(c.do("CLIENT", "ID").Int)
	for n := range 100 {
		told.tell(says(note(1, n)))
		c.expect(fmt.Sprintf("*3\r\n$4\r\nnote\r\n:1\r\n:%d\r\n", n))
	}
	c.send("CLIENT REPLY OFF\r\n")
	eventually(t, "it is silent", func() bool { return told.chosen().replies == repliesOff })
	told.tell(says(note(2, 0)))
	c.expect("*3\r\n$4\r\nnote\r\n:2\r\n:0\r\n")
	bubble(t, Options{}, func(t *testing.T, s *Server, dial func() *client) {
		c := dial()
		defer c.Close()
		c.ask("PING\r\n", "+PONG\r\n")
		pass(time.Hour)
		before := time.Now()
		s.clients.allClients()[0].tell(says(note(3, 0)))
		c.expect("*3\r\n$4\r\nnote\r\n:3\r\n:0\r\n")
		if d := time.Since(before); d != 0 {
			t.Errorf("it came after %v", d)
		}
	})
}

// TestUnreadMessages: a client that does not take its messages is cut off at the bound, with one line in the log, and
// holds up nobody.
func TestUnreadMessages(t *testing.T) {
	var log bytes.Buffer
	s, addr := startServer(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	slow, other := dial(t, addr), dial(t, addr)
	told := s.clients.byID(slow.do("CLIENT", "ID").Int)
	other.ask("CONFIG SET maxmemory-clients 0\r\n", "+OK\r\n")
	message := pushOf(reply.BulkBytes(make([]byte, 100<<10)))
	var sending sync.WaitGroup
	for range 4 {
		sending.Go(func() {
			for told.ctx.Err() == nil {
				told.tell(says(message))
				if n := s.memory.total.Load(); n > outboxBytes+16*sizeOf(message) {
					t.Errorf("%d bytes are held", n)
					return
				}
			}
		})
	}
	for told.ctx.Err() == nil && !t.Failed() {
		other.ask("PING\r\n", "+PONG\r\n")
	}
	sending.Wait()
	slow.gone(t)
	eventually(t, "nothing is held any more", func() bool { return s.memory.total.Load() == 0 && s.clients.countClients() == 1 })
	told.tell(says(message)) // nobody hears it
	if n := s.memory.total.Load(); n != 0 {
		t.Errorf("%d bytes are held for a client that is gone", n)
	}
	if n := strings.Count(log.String(), "does not take its messages"); n != 1 {
		t.Errorf("the log says it %d times: %s", n, log.String())
	}
}

// TestManyUnreadMessages: a client may be behind by some MiB, but not for long.
func TestManyUnreadMessages(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Server, dial func() *client) {
		message := pushOf(reply.BulkBytes(make([]byte, outboxSoft/2)))
		c := dial()
		c.ask("PING\r\n", "+PONG\r\n")
		told := s.clients.allClients()[0]
		behind := func(wait time.Duration) {
			told.tell(says(message, message, message))
			pass(wait)
			told.tell(says(note(0, 0)))
		}
		behind(outboxWait)
		for range 4 { // it catches up
			if _, err := readReply(c.rd); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Millisecond) // the output buffer's goroutine notes it
		told.tell(says(note(0, 0)))
		if _, err := readReply(c.rd); err != nil {
			t.Fatal(err)
		}
		behind(outboxWait)
		if told.ctx.Err() != nil {
			t.Error("it is cut off too early")
		}
		pass(time.Second)
		told.tell(says(note(0, 0)))
		if told.ctx.Err() == nil {
			t.Error("it is not cut off")
		}
		c.Close()
	})
}

// TestMessageToTheLeaving: messages to clients that come and go hurt nobody, and leave nothing.
func TestMessageToTheLeaving(t *testing.T) {
	s, addr := startServer(t, Options{})
	done := make(chan struct{})
	var sending sync.WaitGroup
	for sender := range 4 {
		sending.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				for _, c := range s.clients.allClients() {
					c.tell(says(note(sender, n)))
				}
			}
		})
	}
	for i := range 200 {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, nc)
		c.send([]string{"PING\r\n", "QUIT\r\n", "*x\r\n", "PING\r\n"}[i%4])
		if _, err := readReply(c.rd); err != nil {
			t.Fatal(err)
		}
		nc.Close()
	}
	close(done)
	sending.Wait()
	eventually(t, "nothing is left", func() bool { return s.clients.countClients() == 0 && s.memory.total.Load() == 0 })
}

// TestNoMessageAfterUnsubscribe: a client of RESP2, which cannot tell messages from replies, gets none of a channel
// that it has left. RESET leaves all.
func TestNoMessageAfterUnsubscribe(t *testing.T) {
	s, addr := startServer(t, Options{})
	c := dial(t, addr)
	told := s.clients.byID(c.do("CLIENT", "ID").Int)
	done := make(chan struct{})
	var sending sync.WaitGroup
	defer func() {
		close(done)
		sending.Wait()
	}()
	for range 4 {
		sending.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					told.tell(func(heard *choices) []reply.Reply { return heard.messages("+news", "text") })
					if told.outbox.size.Load() > 1<<20 {
						<-time.After(time.Millisecond)
					}
				}
			}
		})
	}
	messages := 0
	for i := range 200 {
		c.send("SUBSCRIBE +news\r\n" + []string{"UNSUBSCRIBE\r\n", "RESET\r\n", "UNSUBSCRIBE +news\r\n"}[i%3] + "PING\r\nGET a\r\n")
		c.expect("*3\r\n$9\r\nsubscribe\r\n$5\r\n+news\r\n:1\r\n")
		for {
			r, err := readReply(c.rd)
			if err != nil {
				t.Fatal(err)
			}
			if r.Kind == reply.Array && string(r.Elems[0].Str) == "message" {
				messages++
				continue
			}
			break
		}
		c.expect("+PONG\r\n$1\r\na\r\n")
	}
	if messages == 0 {
		t.Error("there was no message")
	}
}
