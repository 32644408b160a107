package main

import (
	"context"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"cairn/cmd/internal/clustertest"
)

// TestRecover: of five nodes three are gone for good. The two that are left serve nothing until both are given a
// membership of their own, and then everything that they hold.
func TestRecover(t *testing.T) {
	p := startNodes(t, 5)
	w := startWriter(p, 4)
	w.more(t, 300)
	w.stop.Store(true)
	w.wg.Wait()
	applied := func(i int) int { n, _ := strconv.Atoi(p.info(i, "raft_applied_index")); return n }
	want := applied(p.leader())
	for _, i := range []int{0, 1} {
		clustertest.Eventually(t, "a survivor has everything", func() bool { return applied(i) >= want })
	}
	members := "n2=" + p.addr(1) + ",n1=" + p.addr(0)
	dir := func(i int) string { return p.nodes[i].args[4] }
	refuse := func(want string, args ...string) {
		t.Helper()
		if _, errOut, code := cairn(t, append([]string{"recover"}, args...)...); code == 0 || !strings.Contains(errOut, want) {
			t.Errorf("recover %v: exit %d, stderr %q, want %q", args, code, errOut, want)
		}
	}
	refuse("runs: recovering is for a stopped node", "--dir", dir(0), "--members", members)
	for i := range p.nodes {
		p.end(i, syscall.SIGKILL)
	}
	refuse("do not name this node, n1", "--dir", dir(0), "--members", "n2="+p.addr(1))
	refuse("stands twice", "--dir", dir(0), "--members", "n1="+p.addr(0)+",n2="+p.addr(0))
	refuse("is not host:port", "--dir", dir(0), "--members", "n1=nowhere")
	refuse("holds no node", "--dir", t.TempDir(), "--members", members)

	before := listing(t, dir(0))
	out, errOut, code := cairn(t, "recover", "--dir", dir(0), "--members", members, "--dry-run")
	if code != 0 || !strings.Contains(out, "Nothing was changed") || !strings.Contains(out, "never start n3, n4, n5") {
		t.Errorf("the dry run: exit %d, %s%s", code, out, errOut)
	}
	if listing(t, dir(0)) != before {
		t.Error("the dry run has changed the directory")
	}
	if out, errOut, code := cairn(t, "recover", "--dir", dir(0), "--members", members); code != 0 || !strings.Contains(out, "has the new members") {
		t.Errorf("recover, and again at once below: exit %d, %s%s", code, out, errOut)
	}
	for _, i := range []int{0, 1} {
		out, errOut, code := cairn(t, "recover", "--dir", dir(i), "--members", members)
		if code != 0 || !strings.Contains(out, "has the new members") {
			t.Fatalf("recover: exit %d, %s%s", code, out, errOut)
		}
		p.start(i)
	}
	w.client.Close()
	w.client = redis.NewClusterClient(&redis.ClusterOptions{Addrs: p.addrs()[:2]})
	leader := p.leader()
	if err := w.client.Set(context.Background(), "after", "1", 0).Err(); err != nil {
		t.Error(err)
	}
	if got := p.info(leader, "raft_num_voters"); got != "2" {
		t.Errorf("%s voters, want 2", got)
	}
	w.check(t)
}
