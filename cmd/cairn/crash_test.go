package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cairn/cmd/internal/clustertest"
)

// writer writes through a go-redis ClusterClient and remembers what was acknowledged. The client asks for the map
// once a second: by default it asks once a minute, and has only dead connections to its old leader meanwhile.
type writer struct {
	client *redis.ClusterClient
	stop   atomic.Bool
	acked  atomic.Int64
	wg     sync.WaitGroup
	keys   [][]int // by goroutine
}

func startWriter(p *processes, goroutines int) *writer {
	w := &writer{client: redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: p.addrs(), ClusterStateReloadInterval: time.Second,
	}), keys: make([][]int, goroutines)}
	for g := range goroutines {
		w.wg.Go(func() {
			for n := 0; !w.stop.Load(); n++ {
				// go-redis may send a write twice when a connection breaks; this one is idempotent.
				if w.client.Set(context.Background(), fmt.Sprintf("w%d:%d", g, n), n, 0).Err() == nil {
					w.keys[g] = append(w.keys[g], n)
					w.acked.Add(1)
				}
			}
		})
	}
	return w
}

func (w *writer) more(t *testing.T, n int64) {
	t.Helper()
	before := w.acked.Load()
	clustertest.Eventually(t, "acknowledged writes", func() bool { return w.acked.Load() >= before+n })
}

// check ends the writer and reads everything back.
func (w *writer) check(t *testing.T) {
	t.Helper()
	w.stop.Store(true)
	w.wg.Wait()
	defer w.client.Close()
	lost := 0
	for g, keys := range w.keys {
		for len(keys) > 0 {
			n := min(500, len(keys))
			pipe := w.client.Pipeline()
			for _, k := range keys[:n] {
				pipe.Get(context.Background(), fmt.Sprintf("w%d:%d", g, k))
			}
			cmds, err := pipe.Exec(context.Background())
			if err != nil && !errors.Is(err, redis.Nil) {
				t.Fatal(err)
			}
			for i, c := range cmds {
				if got, err := c.(*redis.StringCmd).Int(); err != nil || got != keys[i] {
					lost++
				}
			}
			keys = keys[n:]
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged writes are lost", lost, w.acked.Load())
	}
	t.Logf("%d acknowledged writes read back", w.acked.Load())
}

// TestKillLeader kills -9 the leader under a go-redis ClusterClient, three times.
func TestKillLeader(t *testing.T) {
	p := startNodes(t, 3)
	w := startWriter(p, 8)
	for range 3 {
		w.more(t, 500)
		killed := p.leader()
		p.end(killed, syscall.SIGKILL)
		w.more(t, 500)
		p.start(killed)
	}
	w.check(t)
}

// TestKillAll kills -9 all three nodes at once: every acknowledged key is there after the restart.
func TestKillAll(t *testing.T) {
	p := startNodes(t, 3)
	w := startWriter(p, 8)
	for range 2 {
		w.more(t, 500)
		for i := range p.nodes {
			_ = p.nodes[i].cmd.Process.Signal(syscall.SIGKILL) // all first, then wait
		}
		for i := range p.nodes {
			p.end(i, syscall.SIGKILL)
			p.start(i)
		}
		p.leader()
	}
	w.more(t, 500)
	w.check(t)
}

// TestTerminate: SIGTERM hands leadership over and exits 0.
func TestTerminate(t *testing.T) {
	p := startNodes(t, 3)
	w := startWriter(p, 4)
	w.more(t, 200)
	leader := p.leader()
	if code := p.end(leader, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	w.more(t, 200)
	p.start(leader)
	w.check(t)
	clustertest.Eventually(t, "the restarted node to serve", func() bool { return p.info(leader, "raft_state") != "" }) // it minds signals then
	for i := range p.nodes {
		if code := p.end(i, syscall.SIGTERM); code != 0 {
			t.Errorf("node %d: exit code %d after SIGTERM, want 0", i+1, code)
		}
	}
}
