package replica

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/reply"
)

// errNotReady is returned by a round on a leader that has not applied an entry of its own term yet.
var errNotReady = errors.New("replica: the new leader is not ready")

// retryPause is how long a read waits before it asks again a leader that did not answer.
const retryPause = 20 * time.Millisecond

// leaseShare is how much of the heartbeat time-out, in tenths, a leader counts on: a follower does not vote for another node
// before it has heard nothing for the whole of it. The rest is for clocks that run at different speeds.
const leaseShare = 8

// Read answers calls that only read, on one state. It may answer fewer calls than it was given, but at least one: large
// replies end an answer early, and the caller asks again for the rest.
// It returns ErrNoLeader or ErrNoQuorum when no leader could confirm the read in time, ErrStale for a Local read on a node
// that has been alone too long.
func (r *Replica) Read(ctx context.Context, c Consistency, calls []entry.Call) ([]reply.Reply, error) {
	if err := r.outside(); err != nil {
		return nil, err
	}
	if c == Local {
		if a, ok, err := r.readLocal(calls); ok || err != nil {
			return a.Replies, err
		}
	}
	tick := false
	if c == Lease {
		a, ok, err := r.readLeased(ctx, calls)
		if err != nil || ok {
			return a.Replies, err
		}
		tick = a.Doubted
	}
	now, err := r.confirm(ctx, tick)
	if err != nil {
		return nil, err
	}
	a, err := r.machine.Query(now, rand.Uint64(), calls)
	if err != nil || !a.Doubted {
		return a.Replies, err
	}
	// A key counted as expired by a clock, and no entry has reached that time: let the log say so first, or another node
	// could still find the key after this one has not. Then the log's own time decides, which leaves no doubt.
	if now, err = r.confirm(ctx, true); err != nil {
		return nil, err
	}
	a, err = r.machine.Query(now, rand.Uint64(), calls)
	return a.Replies, err
}

// List answers a call whose reply may be longer than memory, see fsm.Machine.List. Its errors are those of Read, and those of to. Under Lease it takes
// part in a round like a linearizable read: whether the lease had held would be known only after the reply.
func (r *Replica) List(ctx context.Context, c Consistency, call entry.Call, to reply.Lister) error {
	if err := r.outside(); err != nil {
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
		now, err := r.confirm(ctx, tick)
		if err != nil {
			return err
		}
		if doubted, err := r.machine.List(now, rand.Uint64(), call, tick, to); err != nil || !doubted {
			return err
		}
	}
}

// readLocal reads this node's state as it is, if it may.
func (r *Replica) readLocal(calls []entry.Call) (a fsm.Answer, ok bool, err error) {
	if ok, err := r.mayReadLocal(); err != nil || !ok {
		return a, false, err
	}
	a, err = r.machine.Query(r.clock.now(), rand.Uint64(), calls)
	return a, err == nil, err
}

// mayReadLocal returns an error where this node's state is too old. It is false on a leader that has not heard from its followers lately: there is
// nobody to redirect to, so it asks them.
func (r *Replica) mayReadLocal() (bool, error) {
	if r.fresh(r.o.MaxStaleness) {
		return true, nil
	}
	if r.raft.State() == raft.Leader {
		return false, nil
	}
	return false, fmt.Errorf("%w of %v", ErrStale, r.o.MaxStaleness)
}

// fresh reports whether this node's state shows everything that was acknowledged longer ago than age. A leader is as current
// as the news that a majority followed it: it may have been deposed since, and may not know, as when its disk hangs.
func (r *Replica) fresh(age time.Duration) bool {
	leads := r.raft.State() == raft.Leader // first: in the term of before it, the state may lag behind the own log
	term, applied := r.raft.CurrentTerm(), r.machine.Applied()
	if leads && applied.Term == term && time.Since(r.contacts.majority(term, r.o.ID, r.voters())) <= age {
		return true
	}
	return r.peers.fresh(applied.Index, age)
}

// readLeased reads on a leader's lease; ok is false when the lease does not cover the read. The lease is looked at once more
// after the read: if it holds then, it held when the state was taken, however long the process was stopped in between.
func (r *Replica) readLeased(ctx context.Context, calls []entry.Call) (a fsm.Answer, ok bool, err error) {
	term := r.raft.CurrentTerm()
	index := r.disk.clamp(r.raft.CommitIndex())
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

// leased reports whether no other node can have begun to lead by now, given that clocks run at the same speed and all nodes
// have the same heartbeat time-out. A term in which leadership was offered to another node has no leases any more: the one
// that is asked to take over does not wait.
func (r *Replica) leased(term uint64) bool {
	if r.raft.State() != raft.Leader {
		return false
	}
	heard := r.contacts.majority(term, r.o.ID, r.voters())
	return time.Now().Before(heard.Add(r.o.Heartbeat*leaseShare/10)) && r.offered.Load() < term
}

// confirm returns once this node's state may serve a linearizable read, and at what time, which is the leader's; 0 is the
// log's own time. Source: Ongaro 2014, §6.4.
func (r *Replica) confirm(ctx context.Context, tick bool) (now int64, err error) {
	began := time.Now()
	if now, err = r.confirmOnce(ctx, tick); err == nil {
		return now, nil
	}
	ctx, cancel := context.WithDeadline(ctx, began.Add(r.o.ElectionWait))
	defer cancel()
	final := ErrNoLeader
	for {
		changed := r.changed.next()
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
func (r *Replica) confirmOnce(ctx context.Context, tick bool) (now int64, err error) {
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

// awaitApplied returns nil once the machine has applied index, an error when that takes longer than the election wait.
func (r *Replica) awaitApplied(ctx context.Context, index uint64) error {
	if r.machine.Applied().Index >= index {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.o.ElectionWait)
	defer cancel()
	return r.machine.WaitApplied(ctx, index)
}

// pauseOrChange waits a moment, less if leadership changes; it is false when time is up.
func (r *Replica) pauseOrChange(ctx context.Context, changed <-chan struct{}) bool {
	t := time.NewTimer(r.o.paced(retryPause))
	defer t.Stop()
	select {
	case <-changed:
	case <-t.C:
	case <-ctx.Done():
		return false
	case <-r.ctx.Done():
		return false
	}
	return ctx.Err() == nil
}

// verify is one read round of a leader: a majority still follows it, and it has applied an entry of its own term.
//
// The index it gives is the commit index: a follower may have applied, and shown to a reader, all up to there, even where
// this node's own machine lags. That index reaches every machine: the only entries that do not are the no-ops that begin
// terms, and ready says that this term's is behind. The commit index is read between two looks at ready: before
// the first it may lack what earlier leaders have committed, and after the second it may be that of a later term's no-op.
// What it counts that is not synced here yet nobody has applied.
func (r *Replica) verify(until time.Time, tick bool) (confirmed, error) {
	if tick {
		if err := r.tickUntil(until); err != nil {
			return confirmed{}, err
		}
	} else if err := r.confirmTerm(until, r.raft.CurrentTerm(), time.Now()); err != nil {
		return confirmed{}, err
	}
	ready := r.ready()
	index := r.disk.clamp(r.raft.CommitIndex())
	if !r.ready() || !ready {
		return confirmed{}, errNotReady
	}
	r.stats.reads.Add(1)
	return confirmed{index, r.clock.now()}, nil
}

// tickUntil is tick for somebody who does not wait for its outcome longer than that.
func (r *Replica) tickUntil(until time.Time) error {
	ctx, cancel := context.WithDeadline(r.ctx, until)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.tick() }() // Close waits for what is proposed
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ErrNoQuorum
	}
}

// confirmTerm returns nil once a majority has said, when asked after since, that it is in term still, which this node leads.
func (r *Replica) confirmTerm(until time.Time, term uint64, since time.Time) error {
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
		heard, changed := r.confirmers.answers.heard.next(), r.changed.next()
		voters = r.voters()
		if done, err := r.termConfirmed(voters, term, since); done {
			return err
		}
		r.confirmers.ask(voters, since, all)
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

// termConfirmed reports whether there is no more to wait for: a majority has said what confirmTerm asks, or this node leads no more.
func (r *Replica) termConfirmed(voters []raft.Server, term uint64, since time.Time) (done bool, err error) {
	if r.raft.State() != raft.Leader || r.raft.CurrentTerm() != term {
		return true, ErrNotLeader
	}
	return !r.confirmers.answers.majority(term, r.o.ID, voters).Before(since), nil
}

// ready reports whether the machine has applied an entry of the current term. On a leader that has just proved its
// leadership, that makes the machine's state, up to the commit index, current.
func (r *Replica) ready() bool { return r.machine.Applied().Term == r.raft.CurrentTerm() }

// sweepLimit is how many expired keys one entry removes.
const sweepLimit = 512

// sweepPause is how often a leader looks for expired keys; Redis's default is the same ten times a second.
const sweepPause = 100 * time.Millisecond

// sweep removes expired keys while this node leads. A key is gone for readers before that; this gives back its space.
func (r *Replica) sweep() {
	limit := fmt.Sprint(sweepLimit)
	// Up to here nothing is left, on any node and for good: a key cannot get an expiry that the log's time has passed.
	swept := int64(0)
	for r.pause(r.o.paced(sweepPause), nil) {
		for r.raft.State() == raft.Leader && r.ready() && r.due(swept) {
			before := r.machine.State().Time
			n, err := r.proposeCall(command.SweepName, limit)
			if err != nil {
				break // leadership is gone, or the next turn tries again
			}
			r.stats.expired.Add(uint64(n.Int))
			if n.Int < sweepLimit {
				swept = before
			}
		}
	}
}

func (r *Replica) due(swept int64) bool {
	at, ok, err := r.machine.NextExpiry(swept)
	if err != nil {
		r.log.Error("cannot look for expired keys", "err", err)
	}
	return ok && err == nil && at <= r.clock.now()
}
