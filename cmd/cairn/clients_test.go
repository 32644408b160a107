package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cairn/cmd/internal/clustertest"
)

// TestRedisCLI is the issue's own example, through the real redis-cli.
func TestRedisCLI(t *testing.T) {
	p := startNodes(t, 3, steady)
	follower := p.follower()
	port, leader := p.nodes[follower].port, p.addr(p.leader())
	if got, want := strings.TrimSpace(tool(t, "redis-cli", "-p", port, "SET", "foo", "early")), "MOVED 12182 "+leader; got != want {
		t.Errorf("redis-cli on a follower prints %q, want %q", got, want)
	}
	if got := tool(t, "redis-cli", "-c", "-p", port, "SET", "foo", "bar"); !strings.Contains(got, "OK") {
		t.Errorf("redis-cli -c on a follower prints %q", got)
	}
	for i := range p.nodes {
		if got := strings.TrimSpace(tool(t, "redis-cli", "-p", p.nodes[i].port, "GET", "foo")); got != "bar" {
			t.Errorf("GET on node %d prints %q", i+1, got)
		}
	}
	if got := tool(t, "redis-cli", "-3", "-p", port, "CLUSTER", "NODES"); strings.Count(got, "connected") != 3 {
		t.Errorf("CLUSTER NODES prints %q", got)
	}
}

// TestRedisBenchmark: the real one runs without an error on the leader.
func TestRedisBenchmark(t *testing.T) {
	p := startNodes(t, 3, steady) // an election would end redis-benchmark
	out := tool(t, "redis-benchmark", "-p", p.nodes[p.leader()].port, "-t", "ping,set,get,incr,mset", "-n", "3000", "-q")
	for _, test := range []string{"PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"} {
		if !strings.Contains(out, test+": ") {
			t.Errorf("no result for %s in %q", test, out)
		}
	}
	if strings.Contains(strings.ToLower(out), "err") {
		t.Errorf("redis-benchmark prints an error: %q", out)
	}
}

// TestGoRedis: the plain client on the leader, the cluster client from any node.
func TestGoRedis(t *testing.T) {
	p := startNodes(t, 3, steady)
	ctx := context.Background()
	plain := redis.NewClient(&redis.Options{Addr: p.addr(p.leader())})
	defer plain.Close()
	if err := plain.Set(ctx, "plain", "1", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	if ttl, err := plain.TTL(ctx, "plain").Result(); err != nil || ttl < 59*time.Minute {
		t.Errorf("TTL is %v, %v", ttl, err)
	}
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{p.addr(p.follower())}})
	defer cluster.Close()
	pipe := cluster.Pipeline()
	for i := range 100 {
		pipe.Set(ctx, fmt.Sprint("key", i), i, 0)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if got, err := cluster.Get(ctx, fmt.Sprint("key", i)).Int(); err != nil || got != i {
			t.Errorf("key%d is %d, %v", i, got, err)
		}
	}
	readers := redis.NewClusterClient(&redis.ClusterOptions{Addrs: p.addrs(), ReadOnly: true, RouteRandomly: true})
	defer readers.Close()
	clustertest.Eventually(t, "the replicas to have the key", func() bool {
		got, err := readers.Get(ctx, "key42").Int()
		return err == nil && got == 42
	})
}

// TestThirtyBytes: the packet that kills a redcon server costs its own connection.
func TestThirtyBytes(t *testing.T) {
	p := startNodes(t, 1)
	for _, packet := range []string{
		"*1\r\n$9223372036854775807\r\nx\r\n", "*9223372036854775807\r\n", "*1\r\n$-5\r\n", "\x00CAIRN3\n\xff\xff\xff", "*3\r\n$3\r\nSET\r\n$1\r\n",
	} {
		c, err := net.Dial("tcp", p.addr(0))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(packet)); err != nil {
			t.Fatal(err)
		}
		c.(*net.TCPConn).CloseWrite()
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		for buf := make([]byte, 512); err == nil; {
			_, err = c.Read(buf)
		}
		c.Close()
	}
	if got := strings.TrimSpace(tool(t, "redis-cli", "-p", p.nodes[0].port, "PING")); got != "PONG" {
		t.Errorf("PING after the packets prints %q", got)
	}
}
