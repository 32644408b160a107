package resp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// gathered connects clients, lets each send what it is given, and serves all of that as the poller does when it finds
// it at one time. The calls in before are answered by the time: one of each client's, without a reply.
func gathered(t *testing.T, s *Server, addr string, sent []string, before ...string) []*client {
	t.Helper()
	clients := make([]*client, len(sent))
	conns := make([]*conn, len(sent))
	for i, call := range sent {
		clients[i] = dial(t, addr)
		id := clients[i].do("CLIENT", "ID").Int
		if i < len(before) {
			answered := s.stats.calls.Load()
			clients[i].send(before[i])
			eventually(t, "the call before is answered", func() bool { return s.stats.calls.Load() > answered })
		}
		eventually(t, "the connection is parked", func() bool {
			conns[i] = s.clients.byID(id)
			return conns[i].acquire()
		})
		clients[i].send(call)
	}
	var ready batches
	placed := 0
	defer func() { // when the test has failed
		for _, c := range conns[placed:] {
			if c != nil && c.state.Load() != parked {
				c.runOwned(func() bool { return false })
			}
		}
	}()
	for i, c := range conns {
		eventually(t, "its bytes have come", func() bool { return c.sock.pending(t) >= len(sent[i]) })
		placed++
		c.sock.drained = false
		c.runOwned(func() bool { return s.schedule(c, &ready) })
	}
	for _, b := range ready.all {
		s.serveBatch(b)
	}
	return clients
}

// echoKeys is a backend that answers every call with its key and notes what came together.
func echoKeys(together *[]string) *fakeBackend {
	b := &fakeBackend{}
	var mu sync.Mutex
	b.write = func(_ context.Context, groups []entry.Group) (replies []reply.Reply, err error) {
		var words []string
		for _, g := range groups {
			words = append(words, "["+describe(g.Calls)+"]")
			for _, c := range g.Calls {
				replies = append(replies, reply.BulkBytes(bytes.Clone(c.Argv[1])))
			}
		}
		mu.Lock()
		defer mu.Unlock()
		*together = append(*together, "write "+strings.Join(words, " "))
		return replies, nil
	}
	b.read = func(_ context.Context, _ replica.Consistency, calls []entry.Call) (replies []reply.Reply, err error) {
		mu.Lock()
		defer mu.Unlock()
		*together = append(*together, "read "+describe(calls))
		for _, c := range calls[:min(len(calls), 3)] {
			replies = append(replies, reply.BulkBytes(bytes.Clone(c.Argv[1])))
		}
		return replies, nil
	}
	return b
}

// TestBatches: what several clients have sent at the same time goes to the backend together, and each hears its own
// replies.
func TestBatches(t *testing.T) {
	var together []string
	s, addr := startServer(t, Options{Backend: echoKeys(&together)})
	clients := gathered(t, s, addr, []string{
		"SET a 1\r\nNOSUCH\r\nSET b 2\r\n", "GET c\r\n", "SET d 3\r\nGET e\r\nSET f 4\r\n", "GET g\r\nMGET h i\r\nGET j\r\nGET k\r\n", "GET l\r\n", "PING\r\n",
	})
	for i, want := range []string{
		"$1\r\na\r\n-ERR unknown command 'NOSUCH', with args beginning with: \r\n$1\r\nb\r\n", "$1\r\nc\r\n", "$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n",
		"$1\r\ng\r\n$1\r\nh\r\n$1\r\nj\r\n$1\r\nk\r\n", "$1\r\nl\r\n", "+PONG\r\n",
	} {
		clients[i].expect(want)
		clients[i].ask("PING\r\n", "+PONG\r\n") // it is in good order
	}
	for _, want := range []string{
		"write [0:set a 1, 0:set b 2] [0:set d 3]",
		"read 0:get c, 0:get g, 0:mget h i, 0:get j, 0:get k, 0:get l", // of which three were answered
	} {
		if !slices.Contains(together, want) {
			t.Errorf("the backend was asked %q, want %q among it", together, want)
		}
	}
}

// TestBatchSilence: clients that want no replies, or not the next one, go with the others, and hear what they are to
// hear.
func TestBatchSilence(t *testing.T) {
	var together []string
	s, addr := startServer(t, Options{Backend: echoKeys(&together)})
	clients := gathered(t, s, addr, []string{
		"SET a 1\r\nSET b 2\r\n", "SET c 3\r\nNOSUCH\r\nSET d 4\r\n", "NOSUCH\r\nSET e 5\r\n", "PING\r\nSET f 6\r\n", "SET g 7\r\n", "CLIENT REPLY SKIP\r\nPING\r\nSET h 8\r\n",
	}, "CLIENT REPLY SKIP\r\n", "CLIENT REPLY OFF\r\n", "CLIENT REPLY SKIP\r\n", "CLIENT REPLY SKIP\r\n")
	for i, want := range []string{"$1\r\nb\r\n", "", "$1\r\ne\r\n", "$1\r\nf\r\n", "$1\r\ng\r\n", "$1\r\nh\r\n"} {
		clients[i].expect(want)
		clients[i].ask("CLIENT REPLY ON\r\n", "+OK\r\n")
		clients[i].ask("PING\r\n", "+PONG\r\n")
	}
	if want := "write [0:set a 1] [0:set c 3, 0:set d 4] [0:set g 7]"; !slices.Contains(together, want) {
		t.Errorf("the backend was asked %q, want %q among it", together, want)
	}
	commands := string(clients[0].do("INFO", "commandstats").Str)
	for _, want := range []string{"cmdstat_set:calls=8,", "cmdstat_ping:calls=8,"} {
		if !strings.Contains(commands, want) {
			t.Errorf("%q is not in %s", want, commands)
		}
	}
}

// TestBatchRefusedMulti: a refused transaction among others' calls runs nothing, and its client's other calls are
// what they were.
func TestBatchRefusedMulti(t *testing.T) {
	var together []string
	s, addr := startServer(t, Options{Backend: echoKeys(&together)})
	clients := gathered(t, s, addr, []string{
		"SET a 1\r\nMULTI\r\nSET b 2\r\nGET b\r\nEXEC\r\nSET c 3\r\n", "SET d 4\r\nMULTI\r\nSET e 5\r\n", "SET f 6\r\n",
	})
	clients[0].expect("$1\r\na\r\n" + noMulti + refused + refused + aborted + "$1\r\nc\r\n")
	clients[1].expect("$1\r\nd\r\n" + noMulti + refused)
	clients[2].expect("$1\r\nf\r\n")
	clients[1].ask("SET e 5\r\nEXEC\r\nGET e\r\n", refused+aborted+"$1\r\ne\r\n")
	slices.Sort(together)
	want := []string{"read 0:get e", "write [0:set a 1] [0:set d 4] [0:set f 6]", "write [0:set c 3]"}
	if !slices.Equal(together, want) {
		t.Errorf("the backend was asked %q, want %q", together, want)
	}
}

// TestBatchErrors: each client of a batch hears what its error means for its own calls.
func TestBatchErrors(t *testing.T) {
	var fault error
	backend := leaderBackend()
	backend.write = func(context.Context, []entry.Group) ([]reply.Reply, error) { return nil, fault }
	backend.read = func(context.Context, replica.Consistency, []entry.Call) ([]reply.Reply, error) { return nil, fault }
	s, addr := startServer(t, Options{Backend: backend})
	follower := leaderBackend().Status()
	follower.ID, follower.State = "n2", "follower"
	backend.setStatus(follower)
	moved := func(key string) string {
		return fmt.Sprintf("-MOVED %d 127.0.0.1:7001\r\n", command.Slot([]byte(key)))
	}
	for _, test := range []struct {
		fault       error
		write, read func(key string) string
	}{
		{replica.ErrNotLeader, moved, moved},
		{replica.ErrInDoubt, func(string) string { return "-" + string(errInDoubt) + "\r\n" }, nil},
		{replica.ErrNoLeader, func(string) string { return "-" + string(errNoLeader) + "\r\n" }, func(string) string { return "-" + string(errNoLeader) + "\r\n" }},
		{replica.ErrNoQuorum, nil, func(string) string { return "-" + string(errNoQuorum) + "\r\n" }},
	} {
		fault = test.fault
		if test.write != nil {
			clients := gathered(t, s, addr, []string{"SET a 1\r\n", "SET b 1\r\nSET c 1\r\n"})
			clients[0].expect(test.write("a"))
			clients[1].expect(test.write("b") + test.write("c"))
		}
		if test.read != nil {
			clients := gathered(t, s, addr, []string{"GET a\r\n", "GET b\r\nGET c\r\n"})
			clients[0].expect(test.read("a"))
			clients[1].expect(test.read("b") + test.read("c"))
		}
	}
}

// TestBatchPanics: a panic costs the connections that it is about. That of a reply is about one, that of the backend
// about a batch.
func TestBatchPanics(t *testing.T) {
	var log bytes.Buffer
	backend := &fakeBackend{}
	backend.write = func(_ context.Context, groups []entry.Group) (replies []reply.Reply, err error) {
		for _, g := range groups {
			switch string(g.Calls[0].Argv[1]) {
			case "worst":
				panic("a bug in the backend")
			case "bad":
				replies = append(replies, reply.Reply{Kind: 99})
			default:
				replies = append(replies, reply.OK())
			}
		}
		return replies, nil
	}
	s, addr := startServer(t, Options{Backend: backend, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	clients := gathered(t, s, addr, []string{"SET good 1\r\n", "SET bad 1\r\n", "SET good 1\r\n"})
	clients[0].expect("+OK\r\n")
	clients[1].expectClosed()
	clients[2].expect("+OK\r\n")
	clients = gathered(t, s, addr, []string{"SET good 1\r\n", "SET worst 1\r\n"})
	clients[0].expectClosed()
	clients[1].expectClosed()
	dial(t, addr).ask("PING\r\n", "+PONG\r\n")
	if !strings.Contains(log.String(), "reply of unknown kind") || !strings.Contains(log.String(), "a bug in the backend") {
		t.Errorf("the log says %q", log.String())
	}
}

// TestBatchSlowReader: who does not take its replies is waited for by nobody in its batch.
func TestBatchSlowReader(t *testing.T) {
	backend := &fakeBackend{}
	backend.read = func(_ context.Context, _ replica.Consistency, calls []entry.Call) (replies []reply.Reply, err error) {
		for _, c := range calls {
			replies = append(replies, reply.BulkBytes(bytes.Repeat(c.Argv[1], 1<<20)))
		}
		return replies, nil
	}
	s, addr := startServer(t, Options{Backend: backend})
	clients := gathered(t, s, addr, []string{strings.Repeat("GET a\r\n", 50), "GET b\r\n"})
	clients[1].expect(fmt.Sprintf("$%d\r\n%s\r\n", 1<<20, strings.Repeat("b", 1<<20)))
	for range 50 {
		clients[0].expect(fmt.Sprintf("$%d\r\n%s\r\n", 1<<20, strings.Repeat("a", 1<<20)))
	}
}

// TestParked: connections that wait for their next call have no goroutine, and lose nothing by it.
func TestParked(t *testing.T) {
	const n = 200
	s, addr := startServer(t, Options{})
	before := runtime.NumGoroutine()
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = dial(t, addr)
		clients[i].ask("PING\r\n", "+PONG\r\n")
	}
	eventually(t, "all are parked", func() bool { return runtime.NumGoroutine() < before+n/10 })
	for i, c := range clients {
		key := fmt.Sprintf("key-%d", i)
		c.send("SET " + key + " 1\r\nGET " + key + "\r\nGE")
		c.expect(fmt.Sprintf("+OK\r\n$%d\r\n%s\r\n", len(key), key))
		c.ask("T x\r\n", "$1\r\nx\r\n")
	}
	for _, c := range clients[:n/2] {
		c.Close()
	}
	eventually(t, "those who left are gone", func() bool { return s.clients.countClients() == n/2 })
	for _, c := range clients[n/2:] {
		c.ask("PING\r\n", "+PONG\r\n")
	}
}

// TestParkedTimeout: a parked client that is idle too long is closed, and one that is quiet gives its buffers back.
func TestParkedTimeout(t *testing.T) {
	s, addr := startServer(t, Options{})
	idle := dial(t, addr)
	pings := strings.Repeat("PING\r\n", 20_000)
	go idle.send(pings)
	idle.expect(strings.Repeat("+PONG\r\n", 20_000))
	id := idle.do("CLIENT", "ID").Int
	eventually(t, "its buffers are gone", func() bool { return s.clients.byID(id).activity.buffer.Load() == 0 })
	began := time.Now() // the node counts from its next call on
	idle.ask("PING\r\n", "+PONG\r\n")
	dial(t, addr).ask("CONFIG SET timeout 1\r\n", "+OK\r\n")
	idle.expectClosed()
	if d := time.Since(began); d < 500*time.Millisecond {
		t.Errorf("closed after %v", d)
	}
}

// TestNudge: a change of the settings, which wakes every connection, ends none, whatever it is doing.
func TestNudge(t *testing.T) {
	_, addr := startServer(t, Options{})
	admin, local, batched := dial(t, addr), dial(t, addr), dial(t, addr)
	done := make(chan struct{})
	var clients sync.WaitGroup
	for c, call := range map[*client][2]string{local: {"PING\r\n", "+PONG\r\n"}, batched: {"SET a b\r\n", "+OK\r\n"}} {
		clients.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					c.ask(call[0], call[1])
				}
			}
		})
	}
	for i := range 2000 {
		admin.ask(fmt.Sprintf("CONFIG SET timeout %d\r\n", 100+i%2), "+OK\r\n")
	}
	close(done)
	clients.Wait()
}

// TestBrokenSocket: a client that is reset while it is parked is forgotten.
func TestBrokenSocket(t *testing.T) {
	s, addr := startServer(t, Options{})
	c := dial(t, addr)
	c.ask("PING\r\n", "+PONG\r\n")
	c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
	eventually(t, "it is forgotten", func() bool { return s.clients.countClients() == 0 })
}

// TestLastWords: a parked client that sends a call and its end together is answered, and forgotten.
func TestLastWords(t *testing.T) {
	s, addr := startServer(t, Options{})
	for range 100 {
		c := dial(t, addr)
		c.ask("PING\r\n", "+PONG\r\n")
		tcp := c.Conn.(*net.TCPConn)
		raw, err := tcp.SyscallConn()
		if err == nil { // one segment of both
			err = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 1) })
		}
		c.send("SET a 1\r\n")
		if err = errors.Join(err, tcp.CloseWrite()); err != nil {
			t.Fatal(err)
		}
		c.expect("+OK\r\n")
		c.expectClosed()
	}
	eventually(t, "they are forgotten", func() bool { return s.clients.countClients() == 0 })
}

// pending returns how many bytes wait to be read.
func (s *socket) pending(t *testing.T) (n int) {
	t.Helper()
	var failed error
	err := s.raw.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	if err = errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestReset: a client that is reset, whether it is read from or written to at that moment, ends without a word in the
// log.
func TestReset(t *testing.T) {
	reset := func(c net.Conn) {
		if err := errors.Join(c.(*net.TCPConn).SetLinger(0), c.Close()); err != nil {
			t.Error(err)
		}
	}
	var log bytes.Buffer
	var leaves *client
	var s *Server
	backend := &fakeBackend{}
	backend.read = func(_ context.Context, _ replica.Consistency, calls []entry.Call) ([]reply.Reply, error) {
		reset(leaves.Conn)
		for _, c := range s.clients.allClients() {
			eventually(t, "the node's end is told", func() bool { return c.sock.broken(t) })
		}
		return make([]reply.Reply, len(calls)), nil
	}
	s, addr := startServer(t, Options{Backend: backend, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	for range 20 { // read from
		c := dial(t, addr)
		c.ask("PING\r\n", "+PONG\r\n")
		reset(c.Conn)
	}
	for range 20 { // written to
		eventually(t, "those before are forgotten", func() bool { return s.clients.countClients() == 0 })
		c := dial(t, addr)
		c.ask("PING\r\n", "+PONG\r\n")
		leaves = c
		c.send("GET a\r\n")
	}
	eventually(t, "they are forgotten", func() bool { return s.clients.countClients() == 0 })
	if log.Len() > 0 || s.stats.out.Load() != 40*uint64(len("+PONG\r\n")) {
		t.Errorf("%d bytes are counted as written, and the log says %.500s", s.stats.out.Load(), log.String())
	}
}

// broken tells whether the other end has reset the connection.
func (s *socket) broken(t *testing.T) (broken bool) {
	t.Helper()
	err := s.raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(fds, 0)
		broken = n == 1 && err == nil && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
	})
	if err != nil {
		t.Fatal(err)
	}
	return broken
}
