package resp

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"cairn/fsm/reply"
)

// unread sends ECHOs of a value in a goroutine and reads no reply.
func (c *client) unread(value string, times int) {
	call := string(appendCall(nil, [][]byte{[]byte("ECHO"), []byte(value)}))
	go func() {
		for range times {
			if _, err := io.WriteString(c, call); err != nil {
				return
			}
		}
	}()
}

// gone waits until the server has cut a client off.
func (c *client) gone(t *testing.T) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c.rd); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the client was not cut off: %v", err)
	}
}

// TestClientMemory: when clients hold more than maxmemory-clients, the one that holds most is cut off: by replies that it does
// not read, or by a call that it does not end. Others are served, and one with CLIENT NO-EVICT is spared.
func TestClientMemory(t *testing.T) {
	s, addr := startServer(t, Options{})
	other := dial(t, addr)
	other.ask("CONFIG SET maxmemory-clients 40mb\r\n", "+OK\r\n")
	value := strings.Repeat("x", 10<<20)

	spared, small, large := dial(t, addr), dial(t, addr), dial(t, addr)
	spared.do("CLIENT", "NO-EVICT", "ON")
	spared.unread(value, 3) // the third waits unread in the socket, or half read
	eventually(t, "the spared one holds something", func() bool { return s.memory.total.Load() >= 8<<20 })
	small.unread(value[:3<<20], 1)
	eventually(t, "the small one holds something", func() bool { return s.memory.total.Load() >= 9<<20 })
	fmt.Fprintf(large, "*2\r\n$4\r\nECHO\r\n$%d\r\n%s", 60<<20, strings.Repeat("x", 35<<20))
	large.gone(t)
	if n := s.memory.evicted.Load(); n != 1 {
		t.Errorf("%d clients were cut off, want one", n)
	}
	if info := string(other.do("INFO", "stats").Str); !strings.Contains(info, "evicted_clients:1\r\n") {
		t.Errorf("INFO says %s", info)
	}
	if r, err := readReply(small.rd); err != nil || r.Kind != reply.Bulk || len(r.Str) != 3<<20 {
		t.Errorf("the small client's reply has %d bytes, %v", len(r.Str), err)
	}
	spared.Close()
	small.Close()
	eventually(t, "nothing is held any more", func() bool { return s.memory.total.Load() == 0 })

	other.ask("CONFIG SET maxmemory-clients 0\r\n", "+OK\r\n")
	free := dial(t, addr)
	fmt.Fprintf(free, "*2\r\n$4\r\nECHO\r\n$%d\r\n%s", 50<<20, value+value+value+value+value)
	io.WriteString(free, "\r\n")
	if r, err := readReply(free.rd); err != nil || len(r.Str) != 50<<20 {
		t.Errorf("without a bound: %d bytes, %v", len(r.Str), err)
	}
	eventually(t, "nothing is held when all was read", func() bool { return s.memory.total.Load() == 0 })
}
