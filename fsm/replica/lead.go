package replica

import (
	"errors"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/command"
)

// watchLeadership keeps everybody who waits for a leader informed, and begins each leadership of this node with an entry of
// its own term: until that is applied, the node serves no read.
func (r *Replica) watchLeadership() {
	seen := make(chan raft.Observation, 16)
	observer := raft.NewObserver(seen, false, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.LeaderObservation, raft.RaftState:
			return true
		}
		return false
	})
	r.raft.RegisterObserver(observer)
	defer r.raft.DeregisterObserver(observer)
	begun := uint64(0) // the newest term this node has begun
	for {
		if term := r.raft.CurrentTerm(); r.raft.State() == raft.Leader && term != begun {
			begun = term
			r.wg.Go(func() { r.beginTerm(term) })
		}
		select {
		case o := <-seen:
			if l, ok := o.Data.(raft.LeaderObservation); ok && l.LeaderID != "" {
				r.peers.lastLeader.Store(string(l.LeaderID))
				r.log.Info("leader", "peer", string(l.LeaderID), "term", r.raft.CurrentTerm())
			}
			r.changed.wake()
		case <-r.ctx.Done():
			return
		}
	}
}

// beginTerm makes a new leader ready, and gives a new cluster its id. It tries as long as the term lasts: an offer of
// leadership to another node, which may come to nothing, turns proposals away.
func (r *Replica) beginTerm(term uint64) {
	for r.raft.State() == raft.Leader && r.raft.CurrentTerm() == term {
		err := r.tick()
		if err == nil && r.machine.State().Cluster == "" {
			id := r.cluster.id()
			if id == "" {
				id = newClusterID(r.clock.now())
			}
			_, err = r.proposeCall(command.ClusterName, id)
		}
		r.changed.wake()
		if err == nil {
			r.noteAlone(term)
			return
		}
		r.log.Info("leadership cannot begin yet", "term", term, "err", err)
		if !r.pause(r.o.paced(retryPause), nil) {
			return
		}
	}
}

// takeSnapshots writes a snapshot record whenever the machine says that one is due, or the log has become too long. What becomes due
// meanwhile is merged.
func (r *Replica) takeSnapshots() {
	look := time.NewTicker(lookTick)
	defer look.Stop()
	for {
		long := false
		select {
		case <-r.machine.SnapshotDue():
		case <-look.C:
			if long = r.o.Log.Size() > r.o.LogBytes; !long {
				continue
			}
		case <-r.ctx.Done():
			return
		}
		for !r.takeSnapshot() {
			if !r.pause(snapshotRetry, nil) {
				return
			}
		}
		if long {
			r.reclaim()
		}
	}
}

// lookTick is how often the length of the log is looked at.
const lookTick = time.Second

// reclaim takes off the disk what has left the log before the state was durable.
func (r *Replica) reclaim() {
	if err := r.o.Log.Reclaim(); err != nil {
		r.log.Error("the log cannot be cut", "err", err)
	}
}

// snapshotRetry is the pause after a snapshot that failed, as it does while a membership change is not applied yet.
const snapshotRetry = 50 * time.Millisecond

// takeSnapshot is false when it should be tried again.
func (r *Replica) takeSnapshot() bool {
	r.boundLog()
	err := r.raft.Snapshot().Error()
	if err == nil || errors.Is(err, raft.ErrNothingNewToSnapshot) || errors.Is(err, raft.ErrRaftShutdown) {
		return true
	}
	r.log.Debug("snapshot put off", "err", err)
	return false
}
