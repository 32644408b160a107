package replica

import (
	"fmt"
	"sync/atomic"

	"cairn/storage/raftlog"
)

// intentKey is the stable value that says what a node wants to be in its cluster.
var intentKey = []byte("CairnIntent")

// The values of intentKey.
const (
	intentNone    = 0 // what the configuration says
	intentVote    = 1 // a voter as soon as it has caught up
	intentLearner = 2 // a learner for good
	intentRemoved = 3 // nothing any more: it was removed
)

// intent is what this node wants to be, over restarts.
type intent struct {
	log *raftlog.Store
	now atomic.Uint64
}

func (i *intent) load() uint64 { return i.now.Load() }

func (i *intent) readIntent() error {
	v, err := i.log.GetUint64(intentKey)
	if err != nil {
		return fmt.Errorf("replica: read what this node wants to be: %w", err)
	}
	i.now.Store(v)
	return nil
}

func (i *intent) set(v uint64) error {
	if i.now.Load() == v {
		return nil
	}
	if err := i.log.SetUint64(intentKey, v); err != nil {
		return fmt.Errorf("replica: note what this node wants to be: %w", err)
	}
	i.now.Store(v)
	return nil
}
