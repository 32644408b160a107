package replica

import (
	"slices"
	"sync"

	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/storage/raftlog"
)

// disk is Raft's log. A leader's entries go to the followers while its own disk is still at work on them (Ongaro 2014, 10.2.1), where
// hashicorp/raft would store first and send then. Raft is told that they are stored, and counts this node for them at once. So, until they are,
//
//   - nothing of them is applied here, and no reply and no read shows them: synced;
//   - no follower learns that they are committed: clamp;
//   - this node answers no other leader, who would count it too: awaitEarly.
//
// A crash takes them from this node as if it had never had them.
//
// Whoever proposes can wait until nothing is being appended. What is proposed while the disk is at work would only wait for it in an entry of its
// own; by waiting outside it becomes one entry, and one sync, with all that comes meanwhile.
type disk struct {
	*raftlog.Store
	leads func() bool // called in Raft's goroutine

	mu struct {
		sync.Mutex
		moved  sync.Cond
		stored uint64 // the last entry that Raft has stored, or is storing
		early  uint64 // the last that it was told of before it was synced
		synced uint64 // up to which entry the log is on the disk
	}
}

func newDisk(s *raftlog.Store, leads func() bool) *disk {
	d := &disk{Store: s, leads: leads}
	d.mu.moved.L = &d.mu.Mutex
	last, _ := s.LastIndex() // never fails
	d.mu.stored, d.mu.synced = last, last
	return d
}

// StoreLogs implements raft.LogStore. What is not a command is synced when it returns: Raft itself acts on that once it counts as committed.
func (d *disk) StoreLogs(logs []*raft.Log) error {
	early := d.leads() && !slices.ContainsFunc(logs, func(l *raft.Log) bool { return l.Type != raft.LogCommand })
	last := logs[len(logs)-1].Index
	d.mu.Lock()
	d.mu.stored = last
	if early {
		d.mu.early = last
	}
	d.mu.Unlock()
	if early {
		return d.undo(d.Store.AppendLogs(logs, func() { d.sync(last) }))
	}
	err := d.Store.StoreLogs(logs)
	if err == nil {
		d.sync(last)
	}
	return d.undo(err)
}

// sync notes that the log is on the disk up to an entry. Where another leader's append has synced more already, that stays.
func (d *disk) sync(last uint64) {
	d.mu.Lock()
	d.mu.synced = max(d.mu.synced, last)
	d.mu.Unlock()
	d.mu.moved.Broadcast()
}

// undo takes back what StoreLogs has noted when it has failed, and returns its error.
func (d *disk) undo(err error) error {
	if err != nil {
		last, _ := d.LastIndex() // never fails
		d.end(last)
	}
	return err
}

// end notes that the log ends at last, or before.
func (d *disk) end(last uint64) {
	d.mu.Lock()
	d.mu.stored, d.mu.early, d.mu.synced = min(d.mu.stored, last), min(d.mu.early, last), min(d.mu.synced, last)
	d.mu.Unlock()
	d.mu.moved.Broadcast()
}

// DeleteRange implements raft.LogStore. A tail is deleted for another leader, and when that is asked for nothing is early: see transport.
func (d *disk) DeleteRange(lo, hi uint64) error {
	d.mu.Lock()
	tail := hi >= d.mu.stored
	d.mu.Unlock()
	err := d.Store.DeleteRange(lo, hi)
	if err == nil && tail {
		d.end(lo - 1)
	}
	return err
}

// clamp returns index, or the last entry before it that is synced.
func (d *disk) clamp(index uint64) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return min(index, d.mu.synced)
}

// await returns once no append that was under way is.
func (d *disk) await() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.mu.synced < d.mu.stored {
		d.mu.moved.Wait()
	}
}

// awaitEarly returns once all is synced that Raft took for it.
func (d *disk) awaitEarly() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.mu.synced < d.mu.early {
		d.mu.moved.Wait()
	}
}

// awaitSynced returns up to which entry the log is synced, once that is index at least.
func (d *disk) awaitSynced(index uint64) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.mu.synced < index {
		d.mu.moved.Wait()
	}
	return d.mu.synced
}

// synced is a machine that applies what is on this node's disk.
type synced struct {
	*fsm.Machine
	disk *disk
}

// Apply implements raft.FSM.
func (s synced) Apply(l *raft.Log) any { return s.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch implements raft.BatchingFSM.
func (s synced) ApplyBatch(logs []*raft.Log) []any {
	answers := make([]any, 0, len(logs))
	for len(logs) > 0 {
		end, n := s.disk.awaitSynced(logs[0].Index), 1
		for n < len(logs) && logs[n].Index <= end {
			n++
		}
		answers = append(answers, s.Machine.ApplyBatch(logs[:n])...)
		logs = logs[n:]
	}
	return answers
}
