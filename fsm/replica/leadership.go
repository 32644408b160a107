package replica

import (
	"github.com/hashicorp/raft"

	"cairn/fsm/command"
	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
)

// leadership begins this node's terms as leader.
type leadership struct {
	*node
	soleVoter *soleVoter
	cluster   *link.ClusterNote
	proposer  *proposer
	progress  *progress
}

// watch keeps everybody who waits for a leader informed, and begins each leadership of this node with an entry of
// its own term: until that is applied, the node serves no read.
func (r *leadership) watch() {
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
	said := raftfix.MemberAddr{}
	for {
		said = r.logLeader(said)
		if term := r.raft.CurrentTerm(); r.raft.State() == raft.Leader && term != begun {
			begun = term
			r.wg.Go(func() { r.beginTerm(term) })
		}
		select {
		case <-seen: // which may be old, or not the only one: what counts is what is so now
			r.changed.Wake()
		case <-r.ctx.Done():
			return
		}
	}
}

// logLeader logs who leads, if that is news, and returns it. A leader that is gone is news too.
func (r *leadership) logLeader(said raftfix.MemberAddr) (leader raftfix.MemberAddr) {
	leader, known := r.leaderAt()
	switch {
	case !known && said.ID != "":
		r.log.Info("no leader is known", "before", said.ID, "term", r.raft.CurrentTerm())
	case known && leader != said:
		r.log.Info("leader", "peer", leader.ID, "addr", leader.Addr, "term", r.raft.CurrentTerm())
		r.progress.lastLeader.Store(leader.ID)
		r.changed.Wake()
	}
	return leader
}

// beginTerm makes a new leader ready, and gives a new cluster its id. It tries as long as the term lasts: an offer of
// leadership to another node, which may come to nothing, turns proposals away.
func (r *leadership) beginTerm(term uint64) {
	for r.raft.State() == raft.Leader && r.raft.CurrentTerm() == term {
		err := r.proposer.tick()
		if err == nil && r.machine.State().Cluster == "" {
			id := r.cluster.ID()
			if id == "" {
				id = link.NewClusterID(r.clock.now())
			}
			_, err = r.proposer.proposeCall(command.ClusterName, id)
		}
		r.changed.Wake()
		if err == nil {
			r.recordSoleVoter(term)
			return
		}
		r.log.Info("leadership cannot begin yet", "term", term, "err", err)
		if !r.pause(r.o.paced(retryPause), nil) {
			return
		}
	}
}

// recordSoleVoter notes that this node has led alone, once it has for long enough. It is called when a term has begun:
// by then the newest configuration is committed.
func (r *leadership) recordSoleVoter(term uint64) {
	if !r.onlyVoter() || !r.pause(r.o.Heartbeat, nil) {
		return
	}
	if !r.onlyVoter() || r.raft.State() != raft.Leader || r.raft.CurrentTerm() != term {
		return
	}
	if err := r.soleVoter.record(); err != nil {
		r.log.Warn("the next start will wait for a leader", "err", err)
	}
}
