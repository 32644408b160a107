package replica

import (
	"context"
	"sync"
	"time"
)

// confirmed is what a read round found out: a read may be served from a state that has applied index, at time now.
type confirmed struct {
	index uint64 // an entry that reaches every machine
	now   int64  // the leader's clock, Unix milliseconds
}

// rounds shares one confirmation among all reads that wait at the moment it begins. A read that comes later waits for the
// next one: a confirmation begun before it arrived would say nothing about it.
type rounds struct {
	do    func(ctx context.Context, tick bool) (confirmed, error)
	limit time.Duration // how long a round's reads wait, from the first of them on
	kick  chan struct{}

	mu struct {
		sync.Mutex
		next   *round // whom new reads join; nil when none waits
		closed bool
	}
}

// round is one confirmation, for all who have joined it.
type round struct {
	tick  bool // the log's time is to move on in it; guarded by rounds.mu
	timer *time.Timer
	once  sync.Once
	done  chan struct{} // closed by finish; what follows is written before
	got   confirmed
	err   error
}

func (r *round) finish(got confirmed, err error) {
	r.once.Do(func() {
		r.got, r.err = got, err
		close(r.done)
	})
}

func newRounds(limit time.Duration, do func(context.Context, bool) (confirmed, error)) *rounds {
	return &rounds{do: do, limit: limit, kick: make(chan struct{}, 1)}
}

// join waits for a confirmation that begins after the call; ErrNoQuorum says that it took too long. With tick, the log's time
// moves on in it.
func (r *rounds) join(tick bool) (confirmed, error) {
	next := r.enter(tick)
	if next == nil {
		return confirmed{}, ErrClosed
	}
	select {
	case r.kick <- struct{}{}:
	default: // the next round is called for already
	}
	<-next.done
	return next.got, next.err
}

// enter returns the round that the caller has joined, nil once the rounds have ended.
func (r *rounds) enter(tick bool) *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.closed {
		return nil
	}
	if r.mu.next == nil {
		next := &round{done: make(chan struct{})}
		next.timer = time.AfterFunc(r.limit, func() { r.giveUp(next) })
		r.mu.next = next
	}
	r.mu.next.tick = r.mu.next.tick || tick
	return r.mu.next
}

// giveUp ends a round that takes too long, or that waits for one that does.
func (r *rounds) giveUp(late *round) {
	r.mu.Lock()
	if r.mu.next == late {
		r.mu.next = nil
	}
	r.mu.Unlock()
	late.finish(confirmed{}, ErrNoQuorum)
}

// take returns the round to make now, which nobody joins any more, and whether it ticks; nil when nobody waits.
func (r *rounds) take() (next *round, tick bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if next, r.mu.next = r.mu.next, nil; next == nil {
		return nil, false
	}
	return next, next.tick
}

// run returns the loop that makes the rounds until ctx ends; then it fails all who wait and who come later.
func (r *rounds) run(ctx context.Context) func() {
	return func() {
		for {
			select {
			case <-r.kick:
			case <-ctx.Done():
				r.close()
				return
			}
			if next, tick := r.take(); next != nil {
				next.finish(r.do(ctx, tick))
				next.timer.Stop()
			}
		}
	}
}

func (r *rounds) close() {
	r.mu.Lock()
	r.mu.closed = true
	r.mu.Unlock()
	if next, _ := r.take(); next != nil {
		next.finish(confirmed{}, ErrClosed)
		next.timer.Stop()
	}
}
