package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/redistest"
)

// join starts a further node, which joins by node i, and waits until it has its vote.
func (p *processes) join(i int, flags ...string) int {
	p.t.Helper()
	n, port := len(p.nodes), redistest.Ports(p.t, 1)[0]
	args := []string{"serve", "--port", port, "--dir", p.t.TempDir(), "--id", fmt.Sprintf("n%d", n+1), "--join", p.addr(i)}
	p.nodes = append(p.nodes, &process{args: append(args, flags...), port: port})
	p.start(n)
	p.voters(i, n+1)
	return n
}

// voters waits until node i knows of so many.
func (p *processes) voters(i, n int) {
	p.t.Helper()
	clustertest.Eventually(p.t, fmt.Sprint(n, " voters"), func() bool { return p.info(i, "raft_num_voters") == fmt.Sprint(n) })
}

// TestGrow: one process becomes five and three again under load; a node leaves by itself, one by the operator's word,
// and a follower comes back on an empty disk. Every acknowledged write is there at the end.
func TestGrow(t *testing.T) {
	p := startNodes(t, 1)
	for n := 1; n < 3; n++ {
		p.join(n - 1)
	}
	w := startWriter(p, 4)
	w.more(t, 300)
	for n := 3; n < 4; n++ {
		p.join(n - 1)
	}
	p.join(3, "--leave-on-exit")
	w.more(t, 300)
	if code := p.end(4, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d of a node that leaves", code)
	}
	p.voters(0, 4)
	if out, errOut, code := cairn(t, "leave", "--addr", p.addr(3)); code != 0 || strings.TrimSpace(out) != "OK" {
		t.Errorf("cairn leave: exit %d, %q, %q", code, out, errOut)
	}
	p.voters(0, 3)
	clustertest.Eventually(t, "the removed node to say so", func() bool {
		return strings.Contains(tool(t, "redis-cli", "-p", p.nodes[3].port, "GET", "k"), "was removed")
	})
	p.end(3, syscall.SIGKILL)
	w.more(t, 300)

	lost := 2
	if p.leader() == lost {
		tool(t, "redis-cli", "-p", p.nodes[0].port, "CLUSTER", "FAILOVER")
	}
	p.end(lost, syscall.SIGKILL)
	for i, arg := range p.nodes[lost].args {
		if arg == "--dir" {
			p.nodes[lost].args[i+1] = t.TempDir()
		}
	}
	p.start(lost)
	p.current(lost)
	w.more(t, 300)
	w.check(t)
}
