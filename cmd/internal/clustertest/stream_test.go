package clustertest_test

import (
	"crypto/rand"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/node"
	"cairn/fsm/replica"
)

// TestSlowStream: while a follower is caught up at a slow pace, both sides say how far the stream is and writes go
// on. A stream that is cut leaves nothing behind on either side, and the next one ends well.
func TestSlowStream(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Seed: 7, Tune: func(i int, o *node.Options) {
		small(i, o)
		slow(i, o)
		o.StreamRate = 256 << 10
	}})
	leader := c.Leader()
	away := c.Followers(leader)[0]
	c.Kill(away)
	for i := range 64 {
		value := make([]byte, 32<<10)
		_, _ = rand.Read(value) // it does not become smaller on the disk
		wantOK(t, c.Do(leader, "SET", fmt.Sprint("large", i), string(value)))
	}
	clean := []string{folders(t, c, leader), folders(t, c, away)}
	stream := func(i int, sending bool) (replica.Stream, bool) {
		all := c.Node(i).Replica().Status().Streams
		at := slices.IndexFunc(all, func(s replica.Stream) bool { return s.Sending == sending && s.Bytes > s.Size/10 })
		if at < 0 {
			return replica.Stream{}, false
		}
		return all[at], true
	}
	under := func() bool {
		out, sends := stream(leader, true)
		in, receives := stream(away, false)
		return sends && receives && out.Peer == c.ID(away) && in.Peer == c.Addr(leader) && out.Size == in.Size && out.Size > 2<<20
	}

	c.Start(away)
	clustertest.Eventually(t, "a stream on both sides", under)
	load := c.StartLoad(4)
	clustertest.Eventually(t, "writes beside the stream", func() bool { return load.Acked() > 100 })
	if !under() {
		t.Error("the stream was over before the writes were")
	}
	c.Net.Isolate(c.Addr(away), c.Addr(leader), c.Addr(3-leader-away))
	clustertest.Eventually(t, "nothing to be left of a stream that was cut", func() bool {
		return len(c.Node(away).Replica().Status().Streams) == 0 && folders(t, c, leader) == clean[0] && folders(t, c, away) == clean[1]
	})
	c.Net.Heal()
	load.Stop()
	clustertest.Eventually(t, "a stream to be restored", func() bool { return c.Node(away).Restored() > 0 })
	c.Settle()
	load.Check(away)
	c.Agree()
}

// folders lists what is in the folder of a node's state beside files.
func folders(t *testing.T, c *clustertest.Cluster, i int) string {
	t.Helper()
	const dir = "/data/state"
	names, err := c.Disk(i).List(dir)
	if err != nil {
		t.Fatal(err)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		info, err := c.Disk(i).Stat(path.Join(dir, name))
		return err != nil || !info.IsDir()
	})
	slices.Sort(names)
	return strings.Join(names, " ")
}
