package clustertest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/node"
)

// TestTransferToNobody: leadership is offered to a node that cannot be reached. Writes that wait meanwhile go on once
// the offer has come to nothing.
func TestTransferToNobody(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: func(i int, o *node.Options) {
		slow(i, o)
		o.ElectionWait = 20 * time.Second // an offer lasts an election time-out
	}})
	leader := c.Leader()
	other := c.Followers(leader)[0]
	wantOK(t, c.Do(leader, "SET", "k", "v"))
	c.Net.Isolate(c.Addr(leader), c.Addr(other))
	for n := range 3 {
		var offer sync.WaitGroup
		offer.Go(func() {
			if c.Node(leader).Replica().TransferLeadership(c.ID(other)) == nil {
				t.Error("leadership went to a node that cannot be reached")
			}
		})
		wantOK(t, c.Do(leader, "SET", "k", fmt.Sprint(n)))
		offer.Wait()
	}
}

// TestCloseUnderLoad: a node closes while clients read and write on it, leader or not, and waits for nobody in vain.
func TestCloseUnderLoad(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: func(i int, o *node.Options) {
		quick(i, o)
		o.ElectionWait = 300 * time.Millisecond
	}})
	stop := make(chan struct{})
	_, wait := storm(c, 5, 8, stop)
	for i := range 9 {
		c.Leader()
		begin := time.Now()
		c.Stop(i % 3)
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("closing took %v", d)
		}
		c.Start(i % 3)
	}
	close(stop)
	wait()
}

// TestLostDisk: a node comes back on an empty disk. Until it has caught up it elects nobody: together with a follower
// that is behind, it would make a majority that lacks acknowledged writes.
func TestLostDisk(t *testing.T) {
	c := clustertest.New(t, clustertest.Options{Tune: quick, Seed: 2})
	leader := c.Leader()
	behind, lost := c.Followers(leader)[0], c.Followers(leader)[1]
	put(t, c, "k", "old")
	c.Settle()
	c.Kill(behind)
	put(t, c, "k", "new") // on leader and lost, whichever of them leads by now
	c.Kill(lost)
	c.Kill(leader)

	c.SetDisk(lost, vfs.NewCrashableMem())
	c.Start(behind)
	c.Start(lost)
	quiet := time.NewTimer(2 * time.Second) // twenty election time-outs
	for waiting := true; waiting; {
		select {
		case <-quiet.C:
			waiting = false
		case <-time.After(10 * time.Millisecond):
		}
		for _, i := range []int{behind, lost} {
			if s := c.Node(i).Replica().Status(); s.State == "leader" {
				t.Fatalf("%s leads without %s, which alone has an acknowledged write", s.ID, c.ID(leader))
			}
		}
	}
	c.Start(leader)
	wantBulk(t, get(t, c, "k"), "new")
	c.Settle()
	clustertest.Eventually(t, "the node to say that it has caught up", func() bool {
		origin, err := c.Node(lost).Replica().Log().GetUint64([]byte("CairnOrigin"))
		return origin == 0 && err == nil
	})
	c.Kill(leader) // and now it may vote again
	wantBulk(t, get(t, c, "k"), "new")
}
