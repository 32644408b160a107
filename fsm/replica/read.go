package replica

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/fsm/entry"
	"cairn/fsm/replica/raftfix"
	"cairn/fsm/reply"
)

// reader answers reads from this node's state, as soon as it may.
type reader struct {
	*node
	contacts *raftfix.Contacts
	store    *raftfix.ParallelLog
	index    *readIndex
	transfer *transfer
	progress *progress
	standing *standing

	hits, misses atomic.Uint64 // of the keys that reads have looked up
}

// leaseShare is how much of the heartbeat time-out, in tenths, a leader counts on: a follower does not vote for
// another node before it has heard nothing for the whole of it. The rest is for clocks that run at different speeds.
const leaseShare = 8

// readCalls is Replica.Read.
func (r *reader) readCalls(ctx context.Context, c Consistency, calls []entry.Call) ([]reply.Reply, error) {
	a, err := r.answerCalls(ctx, c, calls)
	if err != nil {
		return nil, err
	}
	r.hits.Add(a.Lookups.Hits)
	r.misses.Add(a.Lookups.Misses)
	return a.Replies, nil
}

// answerCalls is readCalls without the counting: what is read again counts once.
func (r *reader) answerCalls(ctx context.Context, c Consistency, calls []entry.Call) (fsm.Answer, error) {
	if err := r.standing.outside(); err != nil {
		return fsm.Answer{}, err
	}
	if c == Local {
		if a, ok, err := r.readLocal(calls); ok || err != nil {
			return a, err
		}
	}
	tick := false
	if c == Lease {
		a, ok, err := r.readLeased(ctx, calls)
		if err != nil || ok {
			return a, err
		}
		tick = a.Doubted
	}
	now, err := r.index.confirm(ctx, tick)
	if err != nil {
		return fsm.Answer{}, err
	}
	a, err := r.machine.Query(now, rand.Uint64(), calls)
	if err != nil || !a.Doubted {
		return a, err
	}
	// A key counted as expired by a clock, and no entry has reached that time: let the log say so first, or another
	// node could still find the key after this one has not. Then the log's own time decides, which leaves no doubt.
	if now, err = r.index.confirm(ctx, true); err != nil {
		return fsm.Answer{}, err
	}
	return r.machine.Query(now, rand.Uint64(), calls)
}

// listKeys is Replica.List.
func (r *reader) listKeys(ctx context.Context, c Consistency, call entry.Call, to reply.Lister) error {
	if err := r.standing.outside(); err != nil {
		return err
	}
	if c == Local {
		if ok, err := r.mayReadLocal(); err != nil {
			return err
		} else if ok {
			_, err := r.machine.List(r.clock.now(), rand.Uint64(), call, true, to)
			return err
		}
	}
	for tick := false; ; tick = true { // the second time for what Read does about doubts
		now, err := r.index.confirm(ctx, tick)
		if err != nil {
			return err
		}
		if doubted, err := r.machine.List(now, rand.Uint64(), call, tick, to); err != nil || !doubted {
			return err
		}
	}
}

// readLocal reads this node's state as it is, if it may.
func (r *reader) readLocal(calls []entry.Call) (a fsm.Answer, ok bool, err error) {
	if ok, err := r.mayReadLocal(); err != nil || !ok {
		return a, false, err
	}
	a, err = r.machine.Query(r.clock.now(), rand.Uint64(), calls)
	return a, err == nil, err
}

// mayReadLocal returns an error where this node's state is too old. It is false on a leader that has not heard from
// its followers lately: there is nobody to redirect to, so it asks them.
func (r *reader) mayReadLocal() (bool, error) {
	if r.fresh(r.o.MaxStaleness) {
		return true, nil
	}
	if r.raft.State() == raft.Leader {
		return false, nil
	}
	return false, fmt.Errorf("%w of %v", ErrStale, r.o.MaxStaleness)
}

// fresh reports whether this node's state shows everything that was acknowledged longer ago than age. A leader is as
// current as the news that a majority followed it: it may have been deposed since, and may not know, as when its disk
// hangs.
func (r *reader) fresh(age time.Duration) bool {
	leads := r.raft.State() == raft.Leader // first: in the term of before it, the state may lag behind the own log
	term, applied := r.raft.CurrentTerm(), r.machine.Applied()
	if leads && applied.Term == term && time.Since(r.contacts.Majority(term, r.o.ID, r.voters())) <= age {
		return true
	}
	return r.progress.fresh(applied.Index, age)
}

// readLeased reads on a leader's lease; ok is false when the lease does not cover the read. The lease is looked at
// once more after the read: if it holds then, it held when the state was taken, however long the process was stopped
// in between.
func (r *reader) readLeased(ctx context.Context, calls []entry.Call) (a fsm.Answer, ok bool, err error) {
	term := r.raft.CurrentTerm()
	index := r.store.Clamp(r.raft.CommitIndex())
	if !r.leased(term) || r.machine.Applied().Term != term {
		return a, false, nil
	}
	if r.awaitApplied(ctx, index) != nil {
		return a, false, nil
	}
	if a, err = r.machine.Query(r.clock.now(), rand.Uint64(), calls); err != nil {
		return a, false, err
	}
	return a, !a.Doubted && r.leased(term), nil
}

// leased reports whether no other node can have begun to lead by now, given that clocks run at the same speed and all
// nodes have the same heartbeat time-out. A term in which leadership was offered to another node has no leases any
// more: the one that is asked to take over does not wait.
func (r *reader) leased(term uint64) bool {
	if r.raft.State() != raft.Leader {
		return false
	}
	heard := r.contacts.Majority(term, r.o.ID, r.voters())
	return time.Now().Before(heard.Add(r.o.Heartbeat*leaseShare/10)) && r.transfer.transferTerm.Load() < term
}
