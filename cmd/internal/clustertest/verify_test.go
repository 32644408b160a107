package clustertest_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/node"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// verdict asks whoever leads until a verdict is the wanted one: on a busy machine a node may not answer in time, or
// an election may come.
func verdict(t *testing.T, c *clustertest.Cluster, what string, wanted func(v clustertest.Verdict) bool, words ...string) (v clustertest.Verdict) {
	t.Helper()
	clustertest.Eventually(t, what, func() bool {
		var ok bool
		v, ok = c.TryVerify(c.Leader(), words...)
		return ok && wanted(v)
	})
	return v
}

// agreed is a verdict of all; the test fails at once when nodes differ.
func agreed(t *testing.T) func(v clustertest.Verdict) bool {
	return func(v clustertest.Verdict) bool {
		if !v.Agree {
			t.Fatalf("the nodes differ: %+v", v)
		}
		return v.Missing == 0
	}
}

// TestVerify: three nodes under load agree at one index after another; what else they could say is in the tests below.
func TestVerify(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: slow})
	load := c.StartLoad(4)
	last := int64(0)
	for range 10 {
		before := load.Acked()
		v := verdict(t, c, "everybody's checksum", agreed(t))
		if len(v.Sum) != 3 || v.Index <= last {
			t.Errorf("after index %d: %+v", last, v)
		}
		for id, sum := range v.Sum {
			if v.Status[id] != replica.EvidenceOK || len(sum) != 40 || sum != v.Sum["n1"] {
				t.Errorf("%s: %s, %q", id, v.Status[id], sum)
			}
		}
		last = v.Index
		clustertest.Eventually(t, "writes to go on", func() bool { return load.Acked() > before+50 })
	}
	load.Stop()
	leader := c.Leader()
	for _, i := range c.Followers(leader) {
		if r := c.Do(i, "CAIRN.VERIFY"); string(r.Str) != "MOVED 0 "+c.Addr(leader) {
			t.Errorf("on a follower it answers %q", r.Str)
		}
	}
	c.Agree()
}

// errorLog collects what a node logs as an error.
type errorLog struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (l *errorLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(b)
}

func (l *errorLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

// TestVerifyTampered: a node whose state was changed behind the log's back is told from the others, and the leader
// says so in its log.
func TestVerifyTampered(t *testing.T) {
	var logged errorLog
	c := clustertest.New(t, clustertest.Options{Tune: func(i int, o *node.Options) {
		slow(i, o)
		o.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelError}))
	}})
	leader := c.Leader()
	for n := range 20 {
		c.Do(leader, "SET", fmt.Sprint("k", n), "v")
	}
	c.Settle()
	other := c.Followers(leader)[0]
	c.Stop(other)
	tamper(t, c, other, "k7")
	c.Start(other)
	v := verdict(t, c, "everybody's checksum", func(v clustertest.Verdict) bool { return v.Missing == 0 })
	odd, sound := v.Sum[c.ID(other)], v.Sum[c.ID(leader)]
	if v.Agree || odd == sound {
		t.Errorf("one node was tampered with: %+v", v)
	}
	for id, sum := range v.Sum {
		if id != c.ID(other) && sum != sound {
			t.Errorf("%s differs from the leader too", id)
		}
	}
	if line := logged.String(); !strings.Contains(line, odd) || !strings.Contains(line, sound) || !strings.Contains(line, fmt.Sprint("index=", v.Index)) {
		t.Errorf("the log says %q of %+v", line, v)
	}
	put(t, c, "k7", "w") // the log mends the row, but for nobody to trust
	verdict(t, c, "everybody's checksum", agreed(t))
}

// tamper gives a key of a node that is down another value.
func tamper(t *testing.T, c *clustertest.Cluster, i int, key string) {
	t.Helper()
	s, err := storage.Open("/data/state", storage.Options{FS: c.Disk(i)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	row, ok, err := keys.Lookup(x, 0, []byte(key))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	row.Payload = append([]byte("not "), row.Payload...)
	if err := x.Set(layout.AppendKey(nil, x.Database(0).Keyspace, []byte(key)), layout.AppendRow(nil, row)); err != nil {
		t.Fatal(err)
	}
	at := s.State()
	if err := x.Commit(storage.Applied{Index: at.Index, Term: at.Term}); err != nil {
		t.Fatal(err)
	}
}

// TestVerifyUnreachable: a node that is down, and one that does not answer, cost a bounded time.
func TestVerifyUnreachable(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Nodes: 5, Tune: slow})
	leader := c.Leader()
	down, away := c.Followers(leader)[0], c.Followers(leader)[1]
	c.Settle()
	c.Kill(down)
	for i := range c.Len() {
		if i != away {
			c.Net.Isolate(c.Addr(away), c.Addr(i))
		}
	}
	const timeout = 24 * time.Second // they are given up long before
	begin := time.Now()
	v := c.Verify(leader, "TIMEOUT", fmt.Sprint(timeout.Milliseconds()))
	if d := time.Since(begin); d > timeout/2 {
		t.Errorf("it took %v of the %v that it may", d, timeout)
	}
	for i := range c.Len() {
		want := replica.EvidenceOK
		if i == down || i == away {
			want = replica.EvidenceUnreachable
		}
		if got := v.Status[c.ID(i)]; got != want {
			t.Errorf("%s is %s, want %s", c.ID(i), got, want)
		}
	}
	if !v.Agree || v.Missing != 2 {
		t.Errorf("%+v", v)
	}
}

// TestVerifyBehind: a node that does not get on is behind when the time is over, and it holds up nobody else.
func TestVerifyBehind(t *testing.T) {
	c, brakes := braked(t, "/log/", func(*node.Options) {})
	leader := c.Leader()
	held := c.Followers(leader)[0]
	c.Settle()
	brakes[held].on()
	verdict(t, c, "all checksums but the held node's, which is behind", func(v clustertest.Verdict) bool {
		if v.Status[c.ID(held)] == replica.EvidenceOK || !v.Agree {
			t.Fatalf("%+v", v)
		}
		return v.Status[c.ID(held)] == replica.EvidenceBehind && v.Missing == 1
	}, "TIMEOUT", "1000")
	brakes[held].off()
	// The held node may come to two such entries at once, and skips the second then.
	verdict(t, c, "everybody's checksum", agreed(t))
}

// TestVerifyTogether: who comes while another verification runs waits for it, or hears of it when its own time is over.
func TestVerifyTogether(t *testing.T) {
	c, brakes := braked(t, "/log/", func(*node.Options) {})
	leader := c.Leader()
	held := c.Followers(leader)[0]
	c.Settle()
	brakes[held].on()
	applied := func() uint64 { return c.Node(leader).Replica().Status().AppliedIndex }
	before := applied()
	var first, third reply.Reply
	var wg sync.WaitGroup
	wg.Go(func() { first = c.Do(leader, "CAIRN.VERIFY", "TIMEOUT", "30000") })
	// One that is asked before the first is proposed would be proposed itself, and the held node would skip the first
	// of the two.
	clustertest.Eventually(t, "the first to be applied on the leader", func() bool { return applied() > before })
	wantError(t, c.Do(leader, "CAIRN.VERIFY", "TIMEOUT", "1"), "ERR another CAIRN.VERIFY is running")
	wg.Go(func() { third = c.Do(leader, "CAIRN.VERIFY", "TIMEOUT", "30000") })
	brakes[held].off()
	wg.Wait()
	for i, r := range []reply.Reply{first, third} {
		if len(r.Elems) != 8 || r.Elems[3].Int != 1 || r.Elems[5].Int != 0 {
			t.Errorf("%d: %+v, %s", i, r, r.Str)
		}
	}
}
