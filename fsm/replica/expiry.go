package replica

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/command"
)

// expiry removes expired keys while this node leads.
type expiry struct {
	*node
	proposer *proposer
	expired  atomic.Uint64 // keys, since start
}

// expireLimit is how many expired keys one entry removes.
const expireLimit = 512

// expirePause is how often a leader looks for expired keys; Redis's default is the same ten times a second.
const expirePause = 100 * time.Millisecond

// expireCycle removes expired keys while this node leads. A key is gone for readers before that; this gives back its
// space.
func (e *expiry) expireCycle() {
	limit := fmt.Sprint(expireLimit)
	// Up to here nothing is left, on any node and for good: a key cannot get an expiry that the log's time has passed.
	swept := int64(0)
	for e.pause(e.o.paced(expirePause), nil) {
		for e.raft.State() == raft.Leader && e.ready() && e.due(swept) {
			before := e.machine.State().Time
			n, err := e.proposer.proposeCall(command.SweepName, limit)
			if err != nil {
				break // leadership is gone, or the next turn tries again
			}
			e.expired.Add(uint64(n.Int))
			if n.Int < expireLimit {
				swept = before
			}
		}
	}
}

func (e *expiry) due(swept int64) bool {
	at, ok, err := e.machine.NextExpiry(swept)
	if err != nil {
		e.log.Error("cannot look for expired keys", "err", err)
	}
	return ok && err == nil && at <= e.clock.now()
}
