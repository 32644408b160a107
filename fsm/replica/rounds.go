package replica

import (
	"context"
	"sync"
)

// confirmed is what a read round found out: a read may be served from a state that has applied index, at time now.
type confirmed struct {
	index uint64 // an entry that reaches every machine
	now   int64  // the leader's clock, Unix milliseconds
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
		closed  bool
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
	if !r.enter(done, tick) {
		return confirmed{}, ErrClosed
	}
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

func (r *rounds) enter(done chan confirmation, tick bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.mu.closed {
		r.mu.waiting = append(r.mu.waiting, done)
		r.mu.tick = r.mu.tick || tick
	}
	return !r.mu.closed
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

func (r *rounds) close() {
	r.mu.Lock()
	r.mu.closed = true
	r.mu.Unlock()
	waiting, _ := r.take()
	for _, done := range waiting {
		done <- confirmation{err: ErrClosed}
	}
}
