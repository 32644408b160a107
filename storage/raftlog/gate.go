package raftlog

import "sync"

// gate lets Close wait for the calls that are under way and turns later ones away. Pebble panics when it is used after
// its Close, and hashicorp/raft does use its log then: the goroutine that measures the age of the oldest entry
// (emitLogStoreMetrics) is not waited for by raft's shutdown.
//
// A read-write lock would do too, but then a callback of Entries that reads the store could deadlock with Close.
type gate struct {
	mu struct {
		sync.Mutex
		closed bool
	}
	calls sync.WaitGroup
}

// enter admits a call, which must leave, or returns ErrClosed.
func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.closed {
		return ErrClosed
	}
	g.calls.Add(1)
	return nil
}

// leave ends a call that entered.
func (g *gate) leave() { g.calls.Done() }

// shut admits no more calls and returns when the last one has left.
func (g *gate) shut() {
	g.mu.Lock()
	g.mu.closed = true
	g.mu.Unlock()
	g.calls.Wait()
}

// enterWrite admits a call that writes.
func (s *Store) enterWrite() error {
	if s.opts.ReadOnly {
		return ErrReadOnly
	}
	return s.gate.enter()
}
