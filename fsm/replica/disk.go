package replica

import (
	"sync"

	"github.com/hashicorp/raft"

	"cairn/storage/raftlog"
)

// disk is Raft's log, whose user can wait until nothing is being appended. What is proposed while the disk is at work would
// only wait for it in an entry of its own; by waiting outside it becomes one entry, and one sync, with all that comes meanwhile.
type disk struct {
	*raftlog.Store
	appending sync.Mutex
}

// StoreLogs implements raft.LogStore.
func (d *disk) StoreLogs(logs []*raft.Log) error {
	d.appending.Lock()
	defer d.appending.Unlock()
	return d.Store.StoreLogs(logs)
}

// await returns once no append that was under way is.
func (d *disk) await() {
	d.appending.Lock()
	//lint:ignore SA2001 waiting is all it is for
	d.appending.Unlock()
}
