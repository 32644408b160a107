package replica

import (
	"sync"
	"time"
)

// confirmed is what a read round found out: a read may be served from a state that has applied index, at time now.
type confirmed struct {
	index uint64 // an entry that reaches every machine
	now   int64  // the leader's clock, Unix milliseconds
}

// rounds shares one confirmation among all reads that wait at the moment it begins. A read that comes later waits for
// the next one: a confirmation begun before it arrived would say nothing about it. One of those who wait makes it, so
// that no other goroutine has to be woken first.
type rounds struct {
	do    func(until time.Time, tick bool) (confirmed, error)
	limit time.Duration // how long a round's reads wait, from the first of them on

	mu struct {
		sync.Mutex
		next   *round // whom new reads join; nil when none waits
		making bool   // somebody makes a round, or has been told to
		closed bool
		idle   sync.Cond // nobody makes a round any more
	}
}

// round is one confirmation, for all who have joined it.
type round struct {
	until time.Time
	tick  bool          // the log's time is to move on in it; guarded by rounds.mu
	token chan struct{} // holds an element when one of those who have joined is to make it
	done  chan struct{} // closed once it is made; what follows is written before
	got   confirmed
	err   error
}

// newRounds makes rounds by calls of do, one at a time. It returns no later than it is told.
func newRounds(limit time.Duration, do func(until time.Time, tick bool) (confirmed, error)) *rounds {
	r := &rounds{do: do, limit: limit}
	r.mu.idle.L = &r.mu.Mutex
	return r
}

// join waits for a confirmation that begins after the call; ErrNoQuorum says that it took too long. With tick, the
// log's time moves on in it.
func (r *rounds) join(tick bool) (confirmed, error) {
	next := r.enter(tick)
	if next == nil {
		return confirmed{}, ErrClosed
	}
	select {
	case <-next.token:
		r.make(next)
	case <-next.done:
	}
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
		r.mu.next = &round{until: time.Now().Add(r.limit), token: make(chan struct{}, 1), done: make(chan struct{})}
	}
	r.mu.next.tick = r.mu.next.tick || tick
	if !r.mu.making {
		r.mu.making = true
		r.mu.next.token <- struct{}{}
	}
	return r.mu.next
}

// make makes a round, whose turn the caller has taken, and calls for the next one.
func (r *rounds) make(now *round) {
	defer r.passToken()
	defer close(now.done)
	r.mu.Lock()
	r.mu.next = nil // nobody joins any more
	closed, tick := r.mu.closed, now.tick
	r.mu.Unlock()
	now.err = ErrClosed // for those who wait for a call of do that panics, too
	if !closed {
		now.got, now.err = r.do(now.until, tick)
	}
}

// passToken lets one of those who wait make the next round.
func (r *rounds) passToken() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.next != nil {
		r.mu.next.token <- struct{}{}
		return
	}
	r.mu.making = false
	r.mu.idle.Broadcast()
}

// closeRounds fails all who wait and who come later, and returns once no round is being made.
func (r *rounds) closeRounds() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.closed = true
	for r.mu.making {
		r.mu.idle.Wait()
	}
}
