package clustertest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/node"
	"cairn/fsm/reply"
)

// brake holds up the writes of one node to files whose path contains a word.
type brake struct {
	mu   sync.Mutex
	word string
	gate chan struct{} // nil while the brake is off
}

func (b *brake) on() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gate = make(chan struct{})
}

func (b *brake) off() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gate != nil {
		close(b.gate)
		b.gate = nil
	}
}

func (b *brake) wrap(o *node.Options) {
	o.FS = errorfs.Wrap(o.FS, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite && strings.Contains(op.Path, b.word) {
			b.mu.Lock()
			gate := b.gate
			b.mu.Unlock()
			if gate != nil {
				<-gate
			}
		}
		return nil
	}))
}

// braked makes a cluster with a brake on each node's files of a kind, whose leader stays. The brakes come off before
// the nodes stop.
func braked(t *testing.T, word string, tune func(*node.Options)) (*clustertest.Cluster, []*brake) {
	brakes := []*brake{{word: word}, {word: word}, {word: word}}
	c := clustertest.New(t, clustertest.Options{Tune: func(i int, o *node.Options) {
		slow(i, o)
		tune(o)
		brakes[i].wrap(o)
	}})
	t.Cleanup(func() {
		for _, b := range brakes {
			b.off()
		}
	})
	return c, brakes
}

// TestLeaderAppliesLate: a follower has applied, and shows, writes that the leader has committed but, for its disk, not
// applied. Whoever asks the leader after that must not be told the past.
func TestLeaderAppliesLate(t *testing.T) {
	c, brakes := braked(t, "/state/", func(o *node.Options) { o.ElectionWait = 20 * time.Second })
	leader := c.Leader()
	follower := c.Followers(leader)[0]
	wantOK(t, c.Do(leader, "SET", "k", "0"))
	applied := func(i int) uint64 { return c.Node(i).Replica().Status().AppliedIndex }

	brakes[leader].on()
	// Pebble takes some before it waits for its disk; the newest that shows on the follower and not on the leader
	// counts.
	var writers sync.WaitGroup
	for n := range 40 {
		writers.Go(func() { c.Do(leader, "MSET", "k", fmt.Sprint(n+1), "pad", strings.Repeat("x", 100<<10)) })
	}
	clustertest.Eventually(t, "the follower to be ahead of the leader", func() bool { return applied(follower) > applied(leader)+1 })
	client := c.Client(follower)
	ahead := make(chan reply.Reply, 1)
	writers.Go(func() { // reading on the follower needs nothing of the leader's disk
		r, err := client.Cmd("GET", "k")
		if err != nil {
			t.Error(err)
		}
		ahead <- r
	})
	seen := <-ahead
	late := make(chan reply.Reply, 1)
	writers.Go(func() { late <- c.Do(leader, "GET", "k") })
	select {
	case r := <-late:
		if string(r.Str) != string(seen.Str) {
			t.Errorf("the follower has shown %q, and after that the leader %q", seen.Str, r.Str)
		}
	case <-time.After(300 * time.Millisecond): // it waits for its disk, as it must
	}
	brakes[leader].off()
	writers.Wait()
}

// TestStaleLocalRead: a follower whose log's disk hangs hears heartbeats and no entries. It refuses local reads past
// the staleness bound.
func TestStaleLocalRead(t *testing.T) {
	c, brakes := braked(t, "/log/", func(o *node.Options) { o.MaxStaleness = 300 * time.Millisecond })
	leader := c.Leader()
	follower := c.Followers(leader)[0]
	client := c.Client(follower)
	local := func() reply.Reply {
		r, err := client.Cmd("GET", "k")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if _, err := client.Cmd("READONLY"); err != nil {
		t.Fatal(err)
	}
	wantOK(t, c.Do(leader, "SET", "k", "old"))
	clustertest.Eventually(t, "the local read to see the write", func() bool { return string(local().Str) == "old" })
	brakes[follower].on()
	wantOK(t, c.Do(leader, "SET", "k", "new"))
	stale := time.Now()
	clustertest.Eventually(t, "the local read to be refused", func() bool {
		asked := time.Now()
		r := local()
		if r.Kind != reply.Error && string(r.Str) == "old" && asked.Sub(stale) > 2*time.Second {
			t.Fatal("the state is read 2 s after it was current; the bound is 300 ms")
		}
		return r.Kind == reply.Error
	})
	brakes[follower].off()
	clustertest.Eventually(t, "the local read to see the second write", func() bool { return string(local().Str) == "new" })
}

// TestDeposedLocalRead: a leader whose log's disk hangs does not notice that another leads. It refuses local reads
// past the staleness bound, though it takes itself for the leader.
func TestDeposedLocalRead(t *testing.T) {
	c, brakes := braked(t, "/log/", func(o *node.Options) { o.MaxStaleness = 300 * time.Millisecond })
	old := c.Leader()
	client := c.Client(old)
	if _, err := client.Cmd("READONLY"); err != nil {
		t.Fatal(err)
	}
	wantOK(t, c.Do(old, "SET", "k", "old"))
	if r, err := client.Cmd("GET", "k"); err != nil || string(r.Str) != "old" {
		t.Fatalf("the leader's local read answers %q, %v", r.Str, err)
	}
	restore := depose(t, c, brakes[old], old, "new")
	stale := time.Now()
	clustertest.Eventually(t, "the local read to be refused", func() bool {
		asked := time.Now()
		r, err := client.Cmd("GET", "k")
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind != reply.Error && string(r.Str) == "old" && asked.Sub(stale) > 2*time.Second {
			t.Fatal("the state is read 2 s after it was current; the bound is 300 ms")
		}
		return r.Kind == reply.Error
	})
	restore()
}
