package sim

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/node"
	"cairn/fsm/reply"
)

// TestExpiredStaysExpired: a key that a reader has found expired is gone for every later reader, though that leader
// dies at once and the next one's clock is behind. The leader's sweeper would remove the key a moment later; some
// rounds are faster than that. Handing leadership over would say nothing: entries go with it, and they have the old
// leader's time.
func TestExpiredStaysExpired(t *testing.T) {
	ahead := make([]atomic.Int64, 3)
	c := clustertest.New(t, clustertest.Options{Tune: func(i int, o *node.Options) {
		o.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead[i].Load())) }
	}})
	jump := int64(0)
	for round := range 8 {
		leader := c.Leader()
		for i := range ahead {
			ahead[i].Store(jump) // the log's time is about there
		}
		key := fmt.Sprintf("k%d", round)
		c.Do(leader, "SET", key, "v", "PX", "60000")
		c.Settle()
		client := c.Client(leader)

		jump += int64(2 * time.Minute)
		ahead[leader].Store(jump)
		look := "GET"
		if round%2 == 1 {
			look = "KEYS" // which goes another way
		}
		first, err := client.Cmd(look, key)
		if err != nil || first.Kind != reply.Null && first.Kind != reply.Array || len(first.Elems) > 0 {
			continue // it was not the leader any more
		}
		c.Kill(leader)
		next := c.Leader()
		if again := c.Do(next, "GET", key); again.Kind != reply.Null {
			t.Fatalf("round %d: %s is %q on %s after it was expired on %s", round, key, again.Str, c.ID(next), c.ID(leader))
		}
		c.Start(leader)
	}
}
