package raftfix

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/storage/raftlog"
)

// ParallelLog is Raft's log. A leader's entries go to the followers while its own disk is still at work on them
// (Ongaro 2014, 10.2.1), where hashicorp/raft would store first and send then. Raft is told that they are stored, and
// counts this node for them at once. So, until they are,
//
//   - nothing of them is applied here, and no reply and no read shows them: syncedFSM;
//   - no follower learns that they are committed: Clamp;
//   - this node answers no other leader, who would count it too: awaitEarly.
//
// A crash takes them from this node as if it had never had them.
//
// Whoever proposes can wait until nothing is being appended. What is proposed while the disk is at work would only
// wait for it in an entry of its own; by waiting outside it becomes one entry, and one sync, with all that comes
// meanwhile.
type ParallelLog struct {
	*raftlog.Store
	leads func() bool // called in Raft's goroutine

	mu struct {
		sync.Mutex
		moved  sync.Cond
		stored uint64 // the last entry that Raft has stored, or is storing
		early  uint64 // the last that it was told of before it was synced
		synced uint64 // up to which entry the log is on the disk

		// For each append that the disk is at work on, oldest first, up to which entry the log is synced once it is
		// done.
		pending []uint64
	}
}

// NewParallelLog returns s as Raft is to see it. leads says that this node leads, and is called in Raft's goroutine.
func NewParallelLog(s *raftlog.Store, leads func() bool) *ParallelLog {
	d := &ParallelLog{Store: s, leads: leads}
	d.mu.moved.L = &d.mu.Mutex
	return d
}

// Load notes what the log holds. It is called before Raft begins.
func (d *ParallelLog) Load() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.stored, _ = d.LastIndex() // never fails
	d.mu.synced = d.mu.stored
}

// StoreLogs implements raft.LogStore. What is not a command is synced when it returns: Raft itself acts on that once
// it counts as committed.
func (d *ParallelLog) StoreLogs(logs []*raft.Log) (err error) {
	early := d.leads() && !slices.ContainsFunc(logs, func(l *raft.Log) bool { return l.Type != raft.LogCommand })
	d.beginAppend(logs[0].Index, logs[len(logs)-1].Index, early)
	if early {
		err = d.AppendLogs(logs, d.done)
	} else {
		err = d.Store.StoreLogs(logs)
	}
	switch {
	case err != nil:
		d.undo(early)
	case !early:
		d.reach(logs[len(logs)-1].Index)
	}
	return err
}

// beginAppend notes that the entries from first to last are being stored. They may take the place of others that were
// deleted.
func (d *ParallelLog) beginAppend(first, last uint64, early bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.stored, d.mu.early, d.mu.synced = last, min(d.mu.early, first-1), min(d.mu.synced, first-1)
	for i := range d.mu.pending {
		d.mu.pending[i] = min(d.mu.pending[i], first-1)
	}
	if early {
		d.mu.early = last
		d.mu.pending = append(d.mu.pending, last)
	}
}

// undo takes back what begin has noted last.
func (d *ParallelLog) undo(early bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.stored, _ = d.LastIndex() // never fails
	d.mu.early = min(d.mu.early, d.mu.stored)
	if early {
		d.mu.pending = d.mu.pending[:len(d.mu.pending)-1]
	}
	d.mu.moved.Broadcast()
}

// done notes that the disk has done with the oldest append that it is at work on.
func (d *ParallelLog) done() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.synced = max(d.mu.synced, d.mu.pending[0])
	d.mu.pending = slices.Delete(d.mu.pending, 0, 1)
	d.mu.moved.Broadcast()
}

// reach notes that the log is on the disk up to an entry.
func (d *ParallelLog) reach(last uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.synced = last
	d.mu.moved.Broadcast()
}

// Clamp returns index, or the last entry before it that is synced.
func (d *ParallelLog) Clamp(index uint64) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return min(index, d.mu.synced)
}

// Await returns once no append that was under way is.
func (d *ParallelLog) Await() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.mu.synced < d.mu.stored {
		d.mu.moved.Wait()
	}
}

// awaitEarly returns once all is synced that Raft took for it.
func (d *ParallelLog) awaitEarly() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.mu.synced < d.mu.early {
		d.mu.moved.Wait()
	}
}

// awaitSynced returns up to which entry the log is synced, once that is index at least.
func (d *ParallelLog) awaitSynced(index uint64) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.mu.synced < index {
		d.mu.moved.Wait()
	}
	return d.mu.synced
}

// syncedFSM is a machine that applies what is on this node's disk.
type syncedFSM struct {
	*fsm.Machine
	store   *ParallelLog
	awaited *atomic.Int64 // how many entries whose answers somebody waits for are in flight
}

// NewSyncedFSM returns m as Raft is to see it: it applies what is on this node's disk. Where nobody waits for
// answers, there are none.
func NewSyncedFSM(m *fsm.Machine, d *ParallelLog, awaited *atomic.Int64) raft.FSM {
	return syncedFSM{m, d, awaited}
}

// Apply implements raft.FSM.
func (s syncedFSM) Apply(l *raft.Log) any { return s.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch implements raft.BatchingFSM.
func (s syncedFSM) ApplyBatch(logs []*raft.Log) []any {
	answers := make([]any, 0, len(logs))
	for len(logs) > 0 {
		end, n := s.store.awaitSynced(logs[0].Index), 1
		for n < len(logs) && logs[n].Index <= end {
			n++
		}
		if s.awaited.Load() > 0 {
			answers = append(answers, s.Machine.ApplyBatch(logs[:n])...)
		} else {
			s.Machine.Replay(logs[:n])
			answers = append(answers, make([]any, n)...)
		}
		logs = logs[n:]
	}
	return answers
}
