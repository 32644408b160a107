package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cairn/cmd/internal/clustertest"
)

// TestFailoverClient: go-redis's NewFailoverClient, which knows no cluster, follows the leader through a kill, a
// hand-over and a stop, with every node as a sentinel.
func TestFailoverClient(t *testing.T) {
	p := startNodes(t, 3)
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "cairn", SentinelAddrs: p.addrs()})
	defer client.Close()
	ctx := context.Background()
	n := 0
	write := func(what string) {
		t.Helper()
		clustertest.Eventually(t, what, func() bool { n++; return client.Set(ctx, "k", n, 0).Err() == nil })
		if got, err := client.Get(ctx, "k").Int(); err != nil || got != n {
			t.Errorf("%s: k is %d, %v, want %d", what, got, err, n)
		}
	}
	write("the first write")
	killed := p.leader()
	p.end(killed, syscall.SIGKILL)
	write("a write after kill -9 of the leader")
	p.start(killed)
	p.current(killed)
	if got := strings.TrimSpace(tool(t, "redis-cli", "-p", p.nodes[killed].port, "CLUSTER", "FAILOVER")); got != "OK" {
		t.Errorf("CLUSTER FAILOVER prints %q", got)
	}
	write("a write after CLUSTER FAILOVER")
	p.end(p.leader(), syscall.SIGTERM)
	write("a write after SIGTERM of the leader")
}

// TestPython: redis-py's Sentinel, which does not listen for +switch-master, follows the leader through a kill and a
// hand-over, after which the node that led lives on and answers. The master it writes to and the replica it reads
// from agree.
func TestPython(t *testing.T) {
	p := startNodes(t, 3)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	words := []string{"testdata/sentinel.py", "cairn"}
	for _, n := range p.nodes {
		words = append(words, n.port)
	}
	py := exec.CommandContext(ctx, "/usr/bin/python3", words...) // Debian's, which has python3-redis; scripts/test.sh installs it
	errs := new(bytes.Buffer)
	py.Stderr = errs
	in, err := py.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := py.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := py.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	n := 0
	write := func(what string) {
		t.Helper()
		fmt.Fprintln(in)
		if want := fmt.Sprintf("%[1]d %[1]d %[1]d", n); !lines.Scan() || lines.Text() != want {
			in.Close()
			_ = py.Wait()
			t.Fatalf("%s: it prints %q, want %q; %s", what, lines.Text(), want, errs)
		}
		n++
	}
	write("the first write")
	killed := p.leader()
	p.end(killed, syscall.SIGKILL)
	write("a write after kill -9 of the leader")
	p.start(killed)
	p.current(killed)
	tool(t, "redis-cli", "-p", p.nodes[killed].port, "CLUSTER", "FAILOVER")
	write("a write after CLUSTER FAILOVER")
	in.Close()
	if err := py.Wait(); err != nil {
		t.Errorf("%v: %s", err, errs)
	}
	t.Logf("what it was told meanwhile: %s", errs)
}

// TestSentinelCLI: what redis-cli shows of it, and the message.
func TestSentinelCLI(t *testing.T) {
	p := startNodes(t, 3, "--sentinel-master", "mine", steady)
	leader := p.leader()
	i := p.follower()
	want := fmt.Sprintf("127.0.0.1\n%s", p.nodes[leader].port)
	if got := strings.TrimSpace(tool(t, "redis-cli", "-p", p.nodes[i].port, "SENTINEL", "get-master-addr-by-name", "mine")); got != want {
		t.Errorf("get-master-addr-by-name prints %q, want %q", got, want)
	}
	watch := redis.NewSentinelClient(&redis.Options{Addr: p.addr(i)})
	defer watch.Close()
	messages := watch.Subscribe(context.Background(), "+switch-master").Channel()
	clustertest.Eventually(t, "the subscription", func() bool {
		return strings.Contains(tool(t, "redis-cli", "-p", p.nodes[i].port, "CLIENT", "LIST"), "sub=1")
	})
	tool(t, "redis-cli", "-p", p.nodes[i].port, "CLUSTER", "FAILOVER")
	m := <-messages
	if want := fmt.Sprintf("mine 127.0.0.1 %s 127.0.0.1 %s", p.nodes[leader].port, p.nodes[i].port); m.Payload != want {
		t.Errorf("the message is %q, want %q", m.Payload, want)
	}
}
