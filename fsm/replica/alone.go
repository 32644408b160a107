package replica

import (
	"fmt"
	"sync"

	"cairn/storage/raftlog"
)

// aloneKey is the stable value that is 1 when this node is the only voter and has led longer than a lease lasts.
var aloneKey = []byte("CairnAlone")

// alone lets the only voter of its cluster stand for election as soon as it starts: there is nobody to wait for, and
// yet Raft waits, up to twice the heartbeat time-out. That the configuration has no other voter is not enough:
// another node may have led, and removed itself, a moment ago, and still hold a lease. So a node that has led alone
// for long enough notes it, and takes that back before it proposes another configuration. Nobody else can, meanwhile.
type alone struct {
	log *raftlog.Store

	mu struct {
		sync.Mutex
		changing bool // this process has begun to change the configuration
	}
}

// changes is called before a change of the configuration is proposed.
func (a *alone) changes() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.changing = true
	noted, err := a.log.GetUint64(aloneKey)
	if err == nil && noted != 0 {
		err = a.log.SetUint64(aloneKey, 0)
	}
	if err != nil {
		return fmt.Errorf("replica: note that this node is not alone any more: %w", err)
	}
	return nil
}

// note is called when the only voter has led for long enough.
func (a *alone) note() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if noted, err := a.log.GetUint64(aloneKey); err != nil || noted != 0 || a.mu.changing {
		return err
	}
	return a.log.SetUint64(aloneKey, 1)
}

// before says whether the only voter may stand at once. first says that it begins its cluster.
func (a *alone) before(first bool) (bool, error) {
	noted, err := a.log.GetUint64(aloneKey)
	if err != nil {
		return false, fmt.Errorf("replica: read the log: %w", err)
	}
	return first || noted != 0, nil
}
