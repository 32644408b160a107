package clustertest_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/node"
	"cairn/fsm/reply"
)

// small makes a log so short that a node that was away for a moment needs a stream.
func small(_ int, o *node.Options) {
	o.TrailingLogs = 16
	o.Heartbeat = 100 * time.Millisecond
}

func quick(_ int, o *node.Options) { o.Heartbeat = 100 * time.Millisecond }

// slow has time-outs that a busy machine keeps, for tests that want their leader to stay.
func slow(_ int, o *node.Options) { o.Heartbeat = 2 * time.Second }

func wantBulk(t *testing.T, r reply.Reply, want string) {
	t.Helper()
	if r.Kind != reply.Bulk || string(r.Str) != want {
		t.Fatalf("got kind %d %q, want %q", r.Kind, r.Str, want)
	}
}

// TestThreeNodes is the issue's own example: a follower redirects a write with the key's true slot, and every node
// reads it.
func TestThreeNodes(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: slow})
	leader := c.Leader()
	for _, i := range c.Followers(leader) {
		r := c.Do(i, "SET", "foo", "early")
		if want := fmt.Sprintf("MOVED 12182 %s", c.Addr(leader)); r.Kind != reply.Error || string(r.Str) != want {
			t.Fatalf("SET on a follower answers %q, want %q", r.Str, want)
		}
	}
	if r := c.Do(leader, "SET", "foo", "bar"); string(r.Str) != "OK" {
		t.Fatalf("SET on the leader answers %q", r.Str)
	}
	for i := range c.Len() {
		wantBulk(t, c.Do(i, "GET", "foo"), "bar")
	}
	c.Agree()
}

// TestSnapshotTrails: the record is fewer than ten entries behind what is applied once writes have stopped.
func TestSnapshotTrails(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: quick})
	for i := range 57 {
		put(t, c, fmt.Sprint("k", i), "v")
	}
	c.Settle()
	for i := range c.Len() {
		clustertest.Eventually(t, "a snapshot record near the applied index", func() bool {
			s := c.Node(i).Replica().Status()
			return s.SnapshotIndex > 0 && s.AppliedIndex < s.SnapshotIndex+10
		})
	}
}

// TestLeaderKilledUnderLoad: what was acknowledged is there after the leader's disk lost what it had not synced.
func TestLeaderKilledUnderLoad(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: quick, Seed: 7})
	load := c.StartLoad(8)
	for range 3 {
		before := load.Acked()
		clustertest.Eventually(t, "writes", func() bool { return load.Acked() > before+200 })
		killed := c.Leader()
		c.Kill(killed)
		before = load.Acked()
		clustertest.Eventually(t, "writes on the new leader", func() bool { return load.Acked() > before+200 })
		c.Start(killed)
	}
	load.Stop()
	c.Settle()
	for i := range c.Len() {
		load.Check(i)
	}
	c.Agree()
}

// TestAllKilled: three nodes lose power at once, again and again; a non-idempotent write is neither lost nor doubled.
func TestAllKilled(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: small, Seed: 11})
	load := c.StartLoad(4)
	for range 3 {
		before := load.Acked()
		clustertest.Eventually(t, "writes", func() bool { return load.Acked() > before+300 })
		for i := range c.Len() {
			c.Kill(i)
		}
		for i := range c.Len() {
			c.Start(i)
		}
	}
	load.Stop()
	c.Settle()
	for i := range c.Len() {
		load.Check(i)
	}
	c.Agree()
}

// TestStreamedCatchUp: a follower that was away past the log's end restores a stream under load, and agrees after it.
func TestStreamedCatchUp(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: small, Seed: 3})
	away := c.Followers(c.Leader())[0]
	c.Kill(away)
	load := c.StartLoad(4)
	clustertest.Eventually(t, "the log to leave the follower behind", func() bool { return load.Acked() > 3000 })
	c.Start(away)
	clustertest.Eventually(t, "a stream to be restored", func() bool { return c.Node(away).Restored() > 0 })
	// With sixteen entries behind a snapshot, the log may outrun every stream for as long as the load lasts.
	load.Stop()
	c.Settle()
	load.Check(away)
	c.Agree()
}

// TestLargeEntriesBoundTheLog: the log is cut where entries make it longer than it is to be, however few they are. A
// follower that was away meanwhile gets a stream, and agrees.
func TestLargeEntriesBoundTheLog(t *testing.T) {
	disks := [3]*vfs.MemFS{vfs.NewMem(), vfs.NewMem(), vfs.NewMem()} // those that can crash take a second for a value
	c := clustertest.New(t, clustertest.Options{Tune: func(i int, o *node.Options) {
		o.Heartbeat = 2 * time.Second // the leader stays
		o.FS = disks[i]
		o.LogBytes = 1 << 20 // a file, and what is to be kept at least
	}})
	leader := c.Leader()
	away := c.Followers(leader)[0]
	c.Stop(away)
	value := strings.Repeat("v", 1<<20)
	for range 80 { // some entries each, which make three files; by number they would all be kept
		if r := c.Do(leader, "SET", "k", value); string(r.Str) != "OK" {
			t.Fatalf("SET answers %q", r.Str)
		}
	}
	c.Start(away)
	clustertest.Eventually(t, "a stream to be restored", func() bool { return c.Node(away).Restored() > 0 })
	c.Settle()
	c.Agree()
	for i := range c.Len() {
		// What is not durable yet stays, for ten seconds at most.
		clustertest.Eventually(t, "the files of the log to go", func() bool { return c.Node(i).Replica().Status().LogBytes < 64<<20 })
	}
}

// TestKilledDuringRestore kills the follower at many points of its catch-up; each time it starts with the old state
// or the new, and at last it agrees.
func TestKilledDuringRestore(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: small, Seed: 5})
	leader := c.Leader()
	away := c.Followers(leader)[0]
	load := c.StartLoad(4)
	for round := range 8 {
		c.Kill(away)
		before := load.Acked()
		clustertest.Eventually(t, "the log to leave the follower behind", func() bool { return load.Acked() > before+500 })
		c.Start(away)
		pause := time.NewTimer(time.Duration(round*20) * time.Millisecond)
		<-pause.C // where in the catch-up the next kill falls
	}
	load.Stop()
	c.Agree()
	load.Check(away)
}

// TestClockBackwards: the next leader's clock is an hour behind. Time in the log does not run backwards: what had
// expired stays gone, and what had not keeps its deadline.
func TestClockBackwards(t *testing.T) {
	var behind atomic.Int64 // index of the node whose clock is right; the others are an hour late
	behind.Store(-1)
	c := clustertest.New(t, clustertest.Options{Tune: func(i int, o *node.Options) {
		slow(i, o)
		o.Clock = func() time.Time {
			if right := behind.Load(); right >= 0 && right != int64(i) {
				return time.Now().Add(-time.Hour)
			}
			return time.Now()
		}
	}})
	old := c.Leader()
	behind.Store(int64(old))
	wantOK(t, c.Do(old, "SET", "gone", "x", "PX", "1"))
	clustertest.Eventually(t, "the key to expire", func() bool { return c.Do(old, "GET", "gone").Kind == reply.Null })
	wantOK(t, c.Do(old, "SET", "stays", "y", "EX", "1000"))
	c.Kill(old)
	now := c.Leader()
	if r := c.Do(now, "GET", "gone"); r.Kind != reply.Null {
		t.Errorf("an expired key is back: %q", r.Str)
	}
	if r := c.Do(now, "TTL", "stays"); r.Int < 900 || r.Int > 1000 {
		t.Errorf("TTL is %d after a leader with a late clock took over, want about 1000", r.Int)
	}
	wantOK(t, c.Do(now, "SET", "new", "z", "EX", "1000"))
	if r := c.Do(now, "TTL", "new"); r.Int < 900 || r.Int > 1000 {
		t.Errorf("TTL of a new key is %d, want about 1000", r.Int)
	}
}

// TestNoLeader: without a majority a write is refused for certain and a read is not answered from the past.
func TestNoLeader(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: func(i int, o *node.Options) {
		slow(i, o)
		o.ElectionWait, o.MaxStaleness = 300*time.Millisecond, time.Hour // of the local read at the end
	}})
	leader := c.Leader()
	wantOK(t, c.Do(leader, "SET", "k", "v"))
	for _, i := range c.Followers(leader) {
		c.Kill(i)
	}
	clustertest.Eventually(t, "the lone leader to step down", func() bool {
		return c.Node(leader).Replica().Status().State != "leader"
	})
	for _, words := range [][]string{{"SET", "k", "w"}, {"GET", "k"}} {
		if r := c.Do(leader, words...); r.Kind != reply.Error || !strings.HasPrefix(string(r.Str), "CLUSTERDOWN") {
			t.Errorf("%v without a majority answers %q", words, r.Str)
		}
	}
	client := c.Client(leader)
	for _, words := range [][]string{{"READONLY"}, {"GET", "k"}} {
		r, err := client.Cmd(words...)
		if err != nil || r.Kind == reply.Error || words[0] == "GET" && string(r.Str) != "v" {
			t.Errorf("%v on a lone node answers %q, %v", words, r.Str, err)
		}
	}
}
