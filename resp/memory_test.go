package resp

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// bigReplies is a backend whose key n holds n MiB.
func bigReplies() *fakeBackend {
	return &fakeBackend{read: func(_ context.Context, _ replica.Consistency, calls []entry.Call) ([]reply.Reply, error) {
		n, _ := strconv.Atoi(string(calls[0].Argv[1]))
		return []reply.Reply{reply.BulkBytes(make([]byte, n<<20))}, nil
	}}
}

// gone waits until the server has cut a client off.
func (c *client) gone(t *testing.T) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, c.rd); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the client was not cut off: %v", err)
	}
}

// TestClientMemory: when clients hold more than maxmemory-clients, the one that holds most is cut off: by replies
// that it does not read, or by a call that it does not end. Others are served, and one with CLIENT NO-EVICT is
// spared.
func TestClientMemory(t *testing.T) {
	s, addr := startServer(t, Options{Backend: bigReplies()})
	total := func(mib int64) {
		t.Helper()
		eventually(t, fmt.Sprint(mib, " MiB to be held"), func() bool { return s.memory.total.Load() == mib<<20 })
	}
	other := dial(t, addr)
	other.ask("CONFIG SET maxmemory-clients 64mb\r\n", "+OK\r\n")
	spared, small, large := dial(t, addr), dial(t, addr), dial(t, addr)
	spared.do("CLIENT", "NO-EVICT", "ON")
	fmt.Fprint(spared, "GET 30\r\nGET 30\r\n")
	total(30)
	fmt.Fprint(small, "GET 16\r\n")
	total(46)
	fmt.Fprintf(large, "*2\r\n$4\r\nECHO\r\n$%d\r\n%s", 25<<20, strings.Repeat("x", 8<<20))
	large.gone(t)
	total(46)
	if n := s.memory.evicted.Load(); n != 1 {
		t.Errorf("%d clients were cut off, want one", n)
	}
	if info := string(other.do("INFO", "stats").Str); !strings.Contains(info, "evicted_clients:1\r\n") {
		t.Errorf("INFO says %s", info)
	}
	if r, err := readReply(small.rd); err != nil || r.Kind != reply.Bulk || len(r.Str) != 16<<20 {
		t.Errorf("the small client's reply has %d bytes, %v", len(r.Str), err)
	}
	total(30)
	spared.Close()
	total(0)

	other.ask("CONFIG SET maxmemory-clients 0\r\n", "+OK\r\n")
	free := dial(t, addr)
	fmt.Fprint(free, "GET 100\r\n")
	total(100)
	if r, err := readReply(free.rd); err != nil || len(r.Str) != 100<<20 {
		t.Errorf("without a bound: %d bytes, %v", len(r.Str), err)
	}
	total(0)
}
