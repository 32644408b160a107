package replica

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/reply"
)

// errNotReady is returned by a round on a leader that has not applied an entry of its own term yet.
var errNotReady = errors.New("replica: the new leader is not ready")

// retryPause is how long a read waits before it asks again a leader that did not answer.
const retryPause = 20 * time.Millisecond

// Read answers calls that only read, on one state. It may answer fewer calls than it was given, but at least one: large
// replies end an answer early, and the caller asks again for the rest.
// It returns ErrNoLeader or ErrNoQuorum when no leader could confirm the read in time, ErrStale for a Local read on a node
// that has been alone too long.
func (r *Replica) Read(ctx context.Context, c Consistency, calls []entry.Call) ([]reply.Reply, error) {
	if c == Local {
		return r.readLocal(calls)
	}
	tick := false
	for {
		now, err := r.confirm(ctx, c, tick)
		if err != nil {
			return nil, err
		}
		a, err := r.machine.Query(now, rand.Uint64(), calls)
		if err != nil {
			return nil, err
		}
		if !a.Doubted {
			return a.Replies, nil
		}
		// A key counted as expired by a clock, and no entry has reached that time: let the log say so first, or another node
		// could still find the key after this one has not.
		tick = true
	}
}

func (r *Replica) readLocal(calls []entry.Call) ([]reply.Reply, error) {
	if r.raft.State() != raft.Leader {
		if last := r.raft.LastContact(); last.IsZero() || time.Since(last) > r.o.MaxStaleness {
			return nil, fmt.Errorf("%w of %v", ErrStale, r.o.MaxStaleness)
		}
	}
	a, err := r.machine.Query(r.clock.now(), rand.Uint64(), calls)
	return a.Replies, err
}

// confirm returns once this node's state may serve a linearizable read, and at what time of the leader's clock.
// Source: Ongaro 2014, §6.4, with the difference that the applied index takes the commit index's place: a write is
// acknowledged only after its leader has applied it.
func (r *Replica) confirm(ctx context.Context, c Consistency, tick bool) (now int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.ElectionWait)
	defer cancel()
	final := ErrNoLeader
	for {
		changed := r.changed.next()
		var got confirmed
		switch {
		case r.raft.State() == raft.Leader:
			got, err = r.confirmLeader(ctx, c, tick)
		case r.leaderElsewhere():
			final = ErrNoQuorum
			if got, err = r.remote.join(ctx, tick); err == nil {
				err = r.machine.WaitApplied(ctx, got.index)
			}
		default:
			err = ErrNoLeader
		}
		switch {
		case err == nil:
			return got.now, nil
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

func (r *Replica) confirmLeader(ctx context.Context, c Consistency, tick bool) (confirmed, error) {
	if c == Lease && !tick && r.leader.leased(time.Now()) && r.ready() {
		return confirmed{now: r.clock.now()}, nil
	}
	return r.leader.join(ctx, tick)
}

// pauseOrChange waits a moment, less if leadership changes; it is false when time is up.
func (r *Replica) pauseOrChange(ctx context.Context, changed <-chan struct{}) bool {
	t := time.NewTimer(retryPause)
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

// verify is one read round of a leader: a majority still follows it, and it has applied an entry of its own term, and with
// that everything that was acknowledged before the term.
func (r *Replica) verify(_ context.Context, tick bool) (confirmed, error) {
	start := time.Now()
	if tick {
		if err := r.tick(); err != nil {
			return confirmed{}, err
		}
	} else if err := r.raft.VerifyLeader().Error(); err != nil {
		return confirmed{}, err
	}
	if !r.ready() {
		return confirmed{}, errNotReady
	}
	r.stats.reads.Add(1)
	r.leader.extendLease(start, r.o.Heartbeat*8/10)
	return confirmed{r.machine.Applied().Index, r.clock.now()}, nil
}

// ready reports whether the machine has applied an entry of the current term. On a leader that has just proved its
// leadership, that makes the machine's state current.
func (r *Replica) ready() bool { return r.machine.Applied().Term == r.raft.CurrentTerm() }

// sweepLimit is how many expired keys one entry removes.
const sweepLimit = 512

// sweepPause is how often a leader looks for expired keys; Redis's default is the same ten times a second.
const sweepPause = 100 * time.Millisecond

// sweep removes expired keys while this node leads. A key is gone for readers before that; this gives back its space.
func (r *Replica) sweep() {
	limit := fmt.Sprint(sweepLimit)
	for r.pause(sweepPause, nil) {
		for r.raft.State() == raft.Leader && r.ready() && r.due() {
			n, err := r.proposeCall(command.SweepName, limit)
			if err != nil {
				break // leadership is gone, or the next turn tries again
			}
			r.stats.expired.Add(uint64(n.Int))
		}
	}
}

func (r *Replica) due() bool {
	at, ok, err := r.machine.NextExpiry()
	if err != nil {
		r.log.Error("cannot look for expired keys", "err", err)
	}
	return ok && err == nil && at <= r.clock.now()
}
