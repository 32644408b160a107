package replica

import (
	"fmt"
	"sync"

	"cairn/storage/raftlog"
)

// soleVoterKey is the stable value that is 1 when this node is the only voter and has led longer than a lease lasts.
var soleVoterKey = []byte("CairnAlone")

// soleVoter lets the only voter of its cluster stand for election as soon as it starts: there is nobody to wait for,
// and yet Raft waits, up to twice the heartbeat time-out. That the configuration has no other voter is not enough:
// another node may have led, and removed itself, a moment ago, and still hold a lease. So a node that has led alone
// for long enough notes it, and takes that back before it proposes another configuration. Nobody else can, meanwhile.
type soleVoter struct {
	log *raftlog.Store

	mu struct {
		sync.Mutex
		changing bool // this process has begun to change the configuration
	}
}

// beforeChange is called before a change of the configuration is proposed.
func (a *soleVoter) beforeChange() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.changing = true
	noted, err := a.log.GetUint64(soleVoterKey)
	if err == nil && noted != 0 {
		err = a.log.SetUint64(soleVoterKey, 0)
	}
	if err != nil {
		return fmt.Errorf("replica: note that this node is not alone any more: %w", err)
	}
	return nil
}

// record is called when the only voter has led for long enough.
func (a *soleVoter) record() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if noted, err := a.log.GetUint64(soleVoterKey); err != nil || noted != 0 || a.mu.changing {
		return err
	}
	return a.log.SetUint64(soleVoterKey, 1)
}

// mayStandAtOnce says whether the only voter may stand at once. first says that it begins its cluster.
func (a *soleVoter) mayStandAtOnce(first bool) (bool, error) {
	noted, err := a.log.GetUint64(soleVoterKey)
	if err != nil {
		return false, fmt.Errorf("replica: read the log: %w", err)
	}
	return first || noted != 0, nil
}
