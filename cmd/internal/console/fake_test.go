package console

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"cairn/cmd/internal/redistest"
)

// node is a scripted server. Its script gets each command, joined by blanks, and returns the bytes to send,
// drop to close the connection, or hang to say nothing.
type node struct {
	t      *testing.T
	l      net.Listener
	script func(cmd string) string
	mu     struct {
		sync.Mutex
		got   []string
		conns map[net.Conn]chan struct{} // closed when nothing of the connection is left
	}
	wg sync.WaitGroup
}

const (
	drop = "drop"
	hang = "hang"
)

func startNode(t *testing.T, script func(cmd string) string) *node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, l: l, script: script}
	n.mu.conns = map[net.Conn]chan struct{}{}
	n.wg.Go(n.accept)
	t.Cleanup(n.stop)
	return n
}

func (n *node) addr() string { return n.l.Addr().String() }

func (n *node) accept() {
	for {
		nc, err := n.l.Accept()
		if err != nil {
			return
		}
		n.mu.Lock()
		done := make(chan struct{})
		n.mu.conns[nc] = done
		n.mu.Unlock()
		n.wg.Go(func() {
			defer close(done)
			n.serve(nc)
		})
	}
}

func (n *node) serve(nc net.Conn) {
	defer nc.Close()
	r := newReplyReader(nc)
	for {
		req, err := r.next()
		if err != nil {
			return
		}
		var words []string
		for _, e := range req.elems {
			words = append(words, e.text)
		}
		cmd := strings.Join(words, " ")
		n.mu.Lock()
		n.mu.got = append(n.mu.got, cmd)
		n.mu.Unlock()
		switch out := n.script(cmd); out {
		case drop:
			return
		case hang:
		default:
			if _, err := nc.Write([]byte(out)); err != nil {
				return
			}
		}
	}
}

// stop closes the listener and every connection and waits for their goroutines.
func (n *node) stop() {
	n.l.Close()
	n.closeConns()
	n.wg.Wait()
}

// closeConns closes all connections and returns when the clients can see it.
func (n *node) closeConns() {
	n.mu.Lock()
	conns := n.mu.conns
	n.mu.conns = map[net.Conn]chan struct{}{}
	n.mu.Unlock()
	for nc, done := range conns {
		nc.Close()
		<-done
	}
}

// commands returns what the node has received so far, without the console's own questions.
func (n *node) commands() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []string
	for _, c := range n.mu.got {
		if !strings.HasPrefix(c, "COMMAND ") && !strings.HasPrefix(c, "CLUSTER ") {
			out = append(out, c)
		}
	}
	return out
}

// answers makes a script of cmd, reply pairs. What it does not list gets an error.
func answers(pairs ...string) func(string) string {
	return func(cmd string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == cmd || pairs[i] == "*" {
				return pairs[i+1]
			}
		}
		return "-ERR unknown command\r\n"
	}
}

// downAddr is an address at which nobody listens.
func downAddr(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + redistest.Ports(t, 1)[0]
}

// commandInfo is a COMMAND INFO reply of one command with one flag.
func commandInfo(name, flag string) string {
	return "*1\r\n*6\r\n+" + name + "\r\n:2\r\n*1\r\n+" + flag + "\r\n:1\r\n:1\r\n:1\r\n"
}

type result struct {
	out, errOut string
	err         error
}

// run is Run with captured output, for people.
func run(t *testing.T, o Options, stdin string, args ...string) result {
	t.Helper()
	return runContext(t.Context(), o, stdin, args...)
}

func runContext(ctx context.Context, o Options, stdin string, args ...string) result {
	var out, errOut bytes.Buffer
	o.In, o.Out, o.Err, o.NoRaw = strings.NewReader(stdin), &out, &errOut, !o.Raw
	err := Run(ctx, o, args)
	return result{out.String(), errOut.String(), err}
}

// want checks a result. errOut must be contained in what was written to Err; "" means nothing was.
func (r result) want(t *testing.T, out, errOut string, err error) {
	t.Helper()
	if r.out != out {
		t.Errorf("Out = %q, want %q", r.out, out)
	}
	if !strings.Contains(r.errOut, errOut) || errOut == "" && r.errOut != "" {
		t.Errorf("Err = %q, want %q in it", r.errOut, errOut)
	}
	if !isErr(r.err, err) {
		t.Errorf("error = %v, want %v", r.err, err)
	}
}
