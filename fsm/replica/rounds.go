package replica

import (
	"context"
	"sync"
	"time"
)

// confirmed is what a read round found out: a read may be served from a state that has applied index, at time now.
type confirmed struct {
	index uint64
	now   int64 // the leader's clock, Unix milliseconds
}

// rounds shares one confirmation among all reads that wait at the moment it begins. A read that comes later waits for the
// next one: a confirmation begun before it arrived would say nothing about it.
type rounds struct {
	do   func(ctx context.Context, tick bool) (confirmed, error)
	kick chan struct{}

	mu struct {
		sync.Mutex
		waiting []chan confirmation
		tick    bool
		until   time.Time // until when the newest confirmation also serves lease reads
	}
}

type confirmation struct {
	confirmed
	err error
}

func newRounds(do func(context.Context, bool) (confirmed, error)) *rounds {
	return &rounds{do: do, kick: make(chan struct{}, 1)}
}

// join waits for a confirmation that begins after the call. With tick, the log's time moves on in it.
func (r *rounds) join(ctx context.Context, tick bool) (confirmed, error) {
	done := make(chan confirmation, 1)
	r.mu.Lock()
	r.mu.waiting = append(r.mu.waiting, done)
	r.mu.tick = r.mu.tick || tick
	r.mu.Unlock()
	select {
	case r.kick <- struct{}{}:
	default: // the next round is called for already
	}
	select {
	case c := <-done:
		return c.confirmed, c.err
	case <-ctx.Done():
		return confirmed{}, ctx.Err()
	}
}

// run returns the loop that makes the rounds until ctx ends; then it fails all who wait.
func (r *rounds) run(ctx context.Context) func() {
	return func() {
		for {
			select {
			case <-r.kick:
			case <-ctx.Done():
				r.answer(confirmation{err: ErrClosed})
				return
			}
			waiting, tick := r.take()
			c, err := r.do(ctx, tick)
			for _, done := range waiting {
				done <- confirmation{c, err}
			}
		}
	}
}

func (r *rounds) take() ([]chan confirmation, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting, tick := r.mu.waiting, r.mu.tick
	r.mu.waiting, r.mu.tick = nil, false
	return waiting, tick
}

func (r *rounds) answer(c confirmation) {
	waiting, _ := r.take()
	for _, done := range waiting {
		done <- c
	}
}

// extendLease says that a round that began at start has confirmed leadership for the lease's length.
func (r *rounds) extendLease(start time.Time, length time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.until = start.Add(length)
}

// forgetLease ends the lease: leadership is about to be given away.
func (r *rounds) forgetLease() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.until = time.Time{}
}

func (r *rounds) leased(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Before(r.mu.until)
}
