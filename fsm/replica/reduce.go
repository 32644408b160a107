package replica

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// reduce removes a member, or takes its vote. The leader hands leadership over first when it is the one.
func (r *Replica) reduce(ctx context.Context, o order) verdict {
	m, ok := r.settled(ctx)
	if !ok {
		return unsettled // another leader may not have it
	}
	s, ok := m.find(o.ID)
	switch {
	case !ok && o.Again: // the first time, it was done
		return verdict{Done: true}
	case !ok:
		return refused("Unknown node %s", o.ID)
	case s.Suffrage != raft.Voter && o.Verb == verbDemote:
		return verdict{Done: true}
	case s.Suffrage == raft.Voter:
		if v := r.dispensable(ctx, m, s, o.Force); v.Refused != "" {
			return v
		}
	}
	if string(s.ID) == r.o.ID {
		r.log.Info("leadership is handed over: this node leaves, or becomes a learner")
		if err := r.TransferLeadership(""); err != nil {
			return verdict{Wait: err.Error()}
		}
		return verdict{}
	}
	if o.Verb == verbDemote {
		r.log.Info("a member loses its vote", "peer", string(s.ID))
		return r.change(func() raft.IndexFuture { return r.raft.DemoteVoter(s.ID, m.index, orderTimeout) })
	}
	r.log.Info("a member is removed", "peer", string(s.ID), "addr", string(s.Address))
	return r.change(func() raft.IndexFuture { return r.raft.RemoveServer(s.ID, m.index, orderTimeout) })
}

// dispensable refuses what would leave the cluster without a majority of voters that answer. A new leader may not have heard
// from all of them yet.
func (r *Replica) dispensable(ctx context.Context, m membership, out raft.Server, force bool) verdict {
	left := m.voters() - 1
	if left == 0 {
		return refused("%s is the only voter; the cluster would end with it", out.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, r.answerTime())
	defer cancel()
	for {
		live := 0
		for _, s := range m.servers {
			if s.Suffrage == raft.Voter && s.ID != out.ID && (string(s.ID) == r.o.ID || r.answers(s.ID)) {
				live++
			}
		}
		need := left/2 + 1
		if force || live >= need {
			return verdict{}
		}
		if !r.pause(retryPause, ctx.Done()) {
			return refused("without %s, %d of %d voters answer, and %d are needed: start the others first, or add FORCE and lose the cluster's quorum",
				out.ID, live, left, need)
		}
	}
}

// answerTime is how long a member that answers may be silent.
func (r *Replica) answerTime() time.Duration { return max(time.Second, 2*r.o.Heartbeat) }

// answers reports whether a member has followed this leader lately.
func (r *Replica) answers(id raft.ServerID) bool {
	return time.Since(r.contacts.of(r.raft.CurrentTerm(), id)) < r.answerTime()
}

// offerToAny offers leadership to the voters that answer, the most current ones first, until one has taken it. Raft's own
// choice may be a node that is dead.
func (r *Replica) offerToAny() error {
	err := errors.New("replica: no other voter answers")
	voters := slices.DeleteFunc(r.voters(), func(s raft.Server) bool { return string(s.ID) == r.o.ID || !r.answers(s.ID) })
	slices.SortStableFunc(voters, func(a, b raft.Server) int {
		return cmp.Compare(r.peers.sighting(b.ID).applied, r.peers.sighting(a.ID).applied)
	})
	for _, s := range append(voters, voters...) { // a second time, for those who were busy
		if err = r.offer(s); err == nil || r.raft.State() != raft.Leader {
			return err
		}
	}
	return err
}

// handOver makes a member the leader.
func (r *Replica) handOver(o order) verdict {
	s, ok := r.membership().find(o.ID)
	switch {
	case !ok:
		return refused("Unknown node %s", o.ID)
	case s.Suffrage != raft.Voter:
		return refused("%s has no vote and cannot lead; say CLUSTER REPLICATE NO ONE on it first", s.ID)
	case string(s.ID) == r.o.ID:
		return verdict{Done: true}
	}
	if err := r.TransferLeadership(string(s.ID)); err != nil {
		return verdict{Wait: err.Error()}
	}
	return verdict{Done: true}
}
