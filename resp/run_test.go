package resp

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// describe writes calls as "0:get k 3:set k v".
func describe(calls []entry.Call) string {
	var words []string
	for _, c := range calls {
		words = append(words, fmt.Sprintf("%d:%s", c.DB, argsString(c.Argv)))
	}
	return strings.Join(words, ", ")
}

func argsString(argv [][]byte) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = string(a)
	}
	return strings.Join(words, " ")
}

// TestRuns shows what travels together, and that replies come in the client's order all the same.
func TestRuns(t *testing.T) {
	var sent []string
	backend := &fakeBackend{}
	backend.write = func(_ context.Context, groups []entry.Group) (replies []reply.Reply, err error) {
		for _, g := range groups {
			sent = append(sent, fmt.Sprintf("write %v %s", g.Atomic, describe(g.Calls)))
			for _, c := range g.Calls {
				replies = append(replies, reply.BulkBytes(c.Argv[1]))
			}
		}
		return replies, nil
	}
	backend.read = func(_ context.Context, _ replica.Consistency, calls []entry.Call) (replies []reply.Reply, err error) {
		sent = append(sent, "read "+describe(calls))
		for _, c := range calls {
			replies = append(replies, reply.BulkBytes(c.Argv[1]))
		}
		return replies, nil
	}
	_, addr := startServer(t, Options{Backend: backend})
	c := dial(t, addr)
	c.ask("PING here first\r\n", "-ERR wrong number of arguments for 'ping' command\r\n") // past the first bytes, which are read apart
	c.ask("SET a 1\r\nset b 2\r\nGET c\r\nNOSUCH\r\nGeT d\r\nGET\r\nPING\r\nGET e\r\nSELECT 3\r\nGET f\r\nSET g 1\r\nSET\r\nSET h 1 WHAT\r\nDEL i j\r\nMGET k l\r\n",
		"$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n-ERR unknown command 'NOSUCH', with args beginning with: \r\n$1\r\nd\r\n"+
			"-ERR wrong number of arguments for 'get' command\r\n+PONG\r\n$1\r\ne\r\n+OK\r\n$1\r\nf\r\n$1\r\ng\r\n"+
			"-ERR wrong number of arguments for 'set' command\r\n-ERR syntax error\r\n$1\r\ni\r\n$1\r\nk\r\n")
	want := []string{
		"write false 0:set a 1, 0:set b 2", "read 0:get c, 0:get d", "read 0:get e", "read 3:get f",
		"write false 3:set g 1, 3:del i j", "read 3:mget k l",
	}
	if got := strings.Join(sent, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("sent\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// TestRunBounds sends more than one run may hold.
func TestRunBounds(t *testing.T) {
	backend := &fakeBackend{}
	_, addr := startServer(t, Options{Backend: backend})
	c := dial(t, addr)
	const n = 5000
	var in, out strings.Builder
	for i := range n {
		fmt.Fprintf(&in, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n%04d\r\n", i)
		out.WriteString("+OK\r\n")
	}
	big := strings.Repeat("x", 2*runBytes)
	fmt.Fprintf(&in, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s\r\n", len(big), big)
	fmt.Fprintf(&in, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\nlast\r\n")
	go c.send(in.String())
	c.expect(out.String() + "+OK\r\n+OK\r\n")
	backend.mu.Lock()
	defer backend.mu.Unlock()
	seen := 0
	for _, g := range backend.mu.groups {
		size := 0
		for _, call := range g.Calls {
			size += callSize(call.Argv)
			if want := fmt.Sprintf("%04d", seen); seen < n && string(call.Argv[2]) != want {
				t.Fatalf("call %d sets %.20q", seen, call.Argv[2])
			}
			seen++
		}
		if len(g.Calls) > runCalls || size > runBytes && len(g.Calls) > 1 {
			t.Errorf("a group of %d calls, %d bytes", len(g.Calls), size)
		}
	}
	if seen != n+2 {
		t.Errorf("%d calls arrived", seen)
	}
}

// TestReadsInParts has a backend that answers fewer calls than it was asked.
func TestReadsInParts(t *testing.T) {
	backend := &fakeBackend{}
	backend.read = func(_ context.Context, _ replica.Consistency, calls []entry.Call) (replies []reply.Reply, err error) {
		for _, call := range calls[:min(2, len(calls))] {
			replies = append(replies, reply.BulkBytes(call.Argv[1]))
		}
		return replies, nil
	}
	_, addr := startServer(t, Options{Backend: backend})
	c := dial(t, addr)
	c.ask("GET a\r\nGET b\r\nBAD\r\nGET c\r\nGET d\r\nGET e\r\nGET\r\n", "$1\r\na\r\n$1\r\nb\r\n-ERR unknown command 'BAD', with args beginning with: \r\n"+
		"$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n-ERR wrong number of arguments for 'get' command\r\n")
}

// TestWrongNumberOfReplies holds a broken backend to what can be said for certain.
func TestWrongNumberOfReplies(t *testing.T) {
	backend := &fakeBackend{}
	backend.write = func(context.Context, []entry.Group) ([]reply.Reply, error) { return nil, nil }
	backend.read = func(context.Context, replica.Consistency, []entry.Call) ([]reply.Reply, error) { return nil, nil }
	_, addr := startServer(t, Options{Backend: backend})
	c := dial(t, addr)
	c.ask("SET a b\r\n", "-"+string(errInDoubt)+"\r\n")
	c.ask("GET a\r\n", "-"+string(errInternal)+"\r\n")
}

func TestConsistency(t *testing.T) {
	var asked []replica.Consistency
	backend := &fakeBackend{}
	backend.read = func(_ context.Context, c replica.Consistency, calls []entry.Call) ([]reply.Reply, error) {
		asked = append(asked, c)
		return make([]reply.Reply, len(calls)), nil
	}
	_, addr := startServer(t, Options{Backend: backend, Consistency: replica.Lease})
	dial(t, addr).ask("GET a\r\nREADONLY\r\nGET a\r\nREADWRITE\r\nGET a\r\nREADONLY\r\nRESET\r\nGET a\r\n",
		"$-1\r\n+OK\r\n$-1\r\n+OK\r\n$-1\r\n+OK\r\n+RESET\r\n$-1\r\n")
	if got, want := fmt.Sprint(asked), fmt.Sprint([]replica.Consistency{replica.Lease, replica.Local, replica.Lease, replica.Lease}); got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

// TestArgumentsStay shows that what a write hands over is never written to again.
func TestArgumentsStay(t *testing.T) {
	backend := &fakeBackend{}
	_, addr := startServer(t, Options{Backend: backend})
	c := dial(t, addr)
	const n = 300
	for i := range n {
		c.do("GET", strings.Repeat("g", i))
		c.do("SET", "k", fmt.Sprintf("value %d %s", i, strings.Repeat("x", i)))
		c.do("PING", strings.Repeat("p", i))
	}
	backend.mu.Lock()
	defer backend.mu.Unlock()
	for i, g := range backend.mu.groups {
		if got, want := string(g.Calls[0].Argv[2]), fmt.Sprintf("value %d %s", i, strings.Repeat("x", i)); got != want {
			t.Fatalf("the value of write %d became %.40q", i, got)
		}
	}
	if len(backend.mu.groups) != n {
		t.Errorf("%d groups", len(backend.mu.groups))
	}
}
