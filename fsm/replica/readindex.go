package replica

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
)

// readIndex finds the index that a state must have applied to serve a linearizable read, and the time at which it is
// read. Source: Ongaro 2014, §6.4.
type readIndex struct {
	*node
	proposer    *proposer
	store       *raftfix.ParallelLog
	guard       *raftfix.VoteGuard
	confirmers  *confirmers
	leader      *rounds // read rounds as leader
	remote      *rounds // read rounds asked of the leader, over leaderAsker
	leaderAsker *asker
	reads       atomic.Uint64 // rounds confirmed since start
}

func newReadIndex(n *node, p *proposer, d *raftfix.ParallelLog, b *raftfix.VoteGuard, l *link.Links) *readIndex {
	r := &readIndex{node: n, proposer: p, store: d, guard: b, confirmers: newConfirmers(n, l), leaderAsker: &asker{l: l}}
	r.leader, r.remote = newRounds(n.o.ElectionWait/2, r.verify), newRounds(n.o.ElectionWait/2, r.askLeader)
	return r
}

// errNotReady is returned by a round on a leader that has not applied an entry of its own term yet.
var errNotReady = errors.New("replica: the new leader is not ready")

// retryPause is how long a read waits before it asks again a leader that did not answer.
const retryPause = 20 * time.Millisecond

// confirm returns once this node's state may serve a linearizable read, and at what time, which is the leader's; 0 is
// the log's own time. Source: Ongaro 2014, §6.4.
func (r *readIndex) confirm(ctx context.Context, tick bool) (now int64, err error) {
	began := time.Now()
	if now, err = r.confirmOnce(ctx, tick); err == nil {
		return now, nil
	}
	ctx, cancel := context.WithDeadline(ctx, began.Add(r.o.ElectionWait))
	defer cancel()
	final := ErrNoLeader
	for {
		changed := r.changed.Next()
		now, err = r.confirmOnce(ctx, tick)
		switch {
		case err == nil:
			return now, nil
		case errors.Is(err, ErrClosed):
			return 0, ErrClosed
		case !errors.Is(err, ErrNoLeader) && !errors.Is(err, errNotReady):
			final = ErrNoQuorum
		}
		if !r.pauseOrChange(ctx, changed) {
			return 0, fmt.Errorf("%w: %w", final, err)
		}
	}
}

// confirmOnce takes part in one read round.
func (r *readIndex) confirmOnce(ctx context.Context, tick bool) (now int64, err error) {
	var got confirmed
	switch {
	case r.raft.State() == raft.Leader:
		got, err = r.leader.join(tick)
	case r.leaderElsewhere():
		got, err = r.remote.join(tick)
	default:
		err = ErrNoLeader
	}
	if err == nil {
		err = r.awaitApplied(ctx, got.index)
	}
	if err != nil || tick {
		return 0, err
	}
	return got.now, nil
}

// verify is one read round of a leader: a majority still follows it, and it has applied an entry of its own term.
//
// The index it gives is the commit index: a follower may have applied, and shown to a reader, all up to there, even
// where this node's own machine lags. That index reaches every machine: the only entries that do not are the no-ops
// that begin terms, and ready says that this term's is behind. The commit index is read between two looks at ready:
// before the first it may lack what earlier leaders have committed, and after the second it may be that of a later
// term's no-op. What it counts that is not synced here yet nobody has applied.
func (r *readIndex) verify(until time.Time, tick bool) (confirmed, error) {
	if tick {
		if err := r.proposer.tickUntil(until); err != nil {
			return confirmed{}, err
		}
	} else if err := r.confirmTerm(until, r.raft.CurrentTerm(), time.Now()); err != nil {
		return confirmed{}, err
	}
	return r.current()
}

// current is the end of a round: the index, once a majority is known to follow this node, see verify.
func (r *readIndex) current() (confirmed, error) {
	ready := r.ready()
	index := r.store.Clamp(r.raft.CommitIndex())
	if !r.ready() || !ready {
		return confirmed{}, errNotReady
	}
	r.reads.Add(1)
	return confirmed{index, r.clock.now()}, nil
}

// asked is a read round of another member's, which was in term after its reads had come. If this node leads in that
// term and the two are a majority of the voters, that has confirmed the term: see invariant 6 in fsm/DESIGN.md.
// Otherwise this node asks others.
func (r *readIndex) asked(by raft.ServerID, term uint64) (confirmed, error) {
	switch {
	case r.raft.State() != raft.Leader:
		return confirmed{}, ErrNotLeader
	case r.agreed(by, term):
		return r.current()
	}
	return r.leader.join(false)
}

// agreed reports whether this node leads in term and is a majority together with one other member. It leads in a term
// if it is in that before and after it is found to lead, and its voters are those of that term.
func (r *readIndex) agreed(by raft.ServerID, term uint64) bool {
	if r.raft.CurrentTerm() != term || r.raft.State() != raft.Leader {
		return false
	}
	both := areMajority(r.voters(), raft.ServerID(r.o.ID), by)
	return both && r.raft.State() == raft.Leader && r.raft.CurrentTerm() == term
}

// areMajority reports whether two servers are two voters, and a majority.
func areMajority(voters []raft.Server, a, b raft.ServerID) bool {
	n := 0
	for _, v := range voters {
		if v.ID == a || v.ID == b {
			n++
		}
	}
	return n == 2 && n > len(voters)/2
}

// confirmTerm returns nil once a majority has said, when asked after since, that it is in term still, which this node
// leads.
func (r *readIndex) confirmTerm(until time.Time, term uint64, since time.Time) error {
	voters := r.voters()
	if len(voters) == 1 && string(voters[0].ID) == r.o.ID && r.raft.State() == raft.Leader {
		return nil // nobody else leads without this node's vote
	}
	r.confirmers.askNow(voters, term)
	if done, err := r.termConfirmed(voters, term, since); done {
		return err
	}
	ctx, cancel := context.WithDeadline(r.ctx, until)
	defer cancel()
	again := time.NewTicker(retryPause)
	defer again.Stop()
	for all := false; ; {
		heard, changed := r.confirmers.answers.Heard.Next(), r.changed.Next()
		voters = r.voters()
		if done, err := r.termConfirmed(voters, term, since); done {
			return err
		}
		r.confirmers.askVoters(voters, since, all)
		select {
		case <-heard:
		case <-changed:
		case <-again.C: // those who were asked may be gone, and those who were gone may be back
			all = true
		case <-ctx.Done():
			return ErrNoQuorum
		}
	}
}

// termConfirmed reports whether there is no more to wait for: a majority has said what confirmTerm asks, or this node
// leads no more.
func (r *readIndex) termConfirmed(voters []raft.Server, term uint64, since time.Time) (done bool, err error) {
	if r.raft.State() != raft.Leader || r.raft.CurrentTerm() != term {
		return true, ErrNotLeader
	}
	return !r.confirmers.answers.Majority(term, r.o.ID, voters).Before(since), nil
}

// askLeader is one read round of a follower.
func (r *readIndex) askLeader(until time.Time, tick bool) (confirmed, error) {
	leader, ok := r.leaderAt()
	if !ok || leader.ID == r.o.ID {
		return confirmed{}, ErrNoLeader
	}
	question := []byte{askTick}
	if !tick {
		question = r.termQuestion()
	}
	ctx, cancel := context.WithDeadline(r.ctx, until)
	defer cancel()
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel() // ends the watch
	watch.Go(func() { r.whileLeads(ctx, raft.ServerID(leader.ID), cancel) })
	return r.leaderAsker.query(ctx, leader, question...)
}

// termQuestion asks for a read index, and says the term that this node is in after the reads of the round have come.
// A node that has lost its past may have been in a later one, and says none.
func (r *readIndex) termQuestion() []byte {
	term := r.raft.CurrentTerm()
	if r.guard.Rejoining() {
		term = 0
	}
	return binary.BigEndian.AppendUint64([]byte{askIndex}, term)
}
