package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"cairn/cmd/internal/clustertest"
)

// strict is clients of one go-redis ClusterClient with its default settings, for whom every error counts.
type strict struct {
	client *redis.ClusterClient
	stop   atomic.Bool
	done   atomic.Int64
	wg     sync.WaitGroup

	mu   sync.Mutex
	errs []error
}

func startStrict(p *processes, goroutines int) *strict {
	s := &strict{client: redis.NewClusterClient(&redis.ClusterOptions{Addrs: p.addrs()})}
	for g := range goroutines {
		s.wg.Go(func() {
			for n := 0; !s.stop.Load(); n++ {
				key := fmt.Sprintf("s%d:%d", g, n%100)
				err := s.client.Set(context.Background(), key, n, 0).Err()
				if err == nil {
					var got int
					if got, err = s.client.Get(context.Background(), key).Int(); err == nil && got != n {
						err = fmt.Errorf("%s is %d, want %d", key, got, n)
					}
				}
				if err != nil {
					s.mu.Lock()
					s.errs = append(s.errs, err)
					s.mu.Unlock()
				}
				s.done.Add(1)
			}
		})
	}
	return s
}

func (s *strict) more(t *testing.T, n int64) {
	t.Helper()
	before := s.done.Load()
	clustertest.Eventually(t, "the clients to go on", func() bool { return s.done.Load() >= before+n })
}

func (s *strict) check(t *testing.T) {
	t.Helper()
	s.stop.Store(true)
	s.wg.Wait()
	s.client.Close()
	for i, err := range s.errs {
		if i < 5 {
			t.Error(err)
		}
	}
	t.Logf("%d writes and reads, %d errors", s.done.Load(), len(s.errs))
}

// current waits until node i is a member that has caught up with the leader.
func (p *processes) current(i int) {
	p.t.Helper()
	clustertest.Eventually(p.t, "the node to have caught up", func() bool {
		if p.info(i, "raft_membership") != "member" || p.info(i, "raft_leader_id") == "" {
			return false
		}
		got := tryTool("redis-cli", "-p", p.nodes[i].port, "EXISTS", "caught-up")
		return got == "0"
	})
}

// TestRollingRestart stops and starts each node in turn under load: not one error reaches a go-redis ClusterClient with
// default settings.
func TestRollingRestart(t *testing.T) {
	p := startNodes(t, 3, steady) // no election but those that the stops ask for
	s := startStrict(p, 8)
	for range 2 {
		for i := range p.nodes {
			s.more(t, 300)
			if code := p.end(i, syscall.SIGTERM); code != 0 {
				t.Errorf("node %d: exit code %d after SIGTERM", i+1, code)
			}
			s.more(t, 300)
			p.start(i)
			p.current(i)
		}
	}
	s.check(t)
}
