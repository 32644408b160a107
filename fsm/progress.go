package fsm

import (
	"context"
	"sync"
)

// Position names an entry of the log.
type Position struct{ Index, Term uint64 }

// progress is how far the machine has applied, and who waits for it to get further.
type progress struct {
	mu struct {
		sync.Mutex
		at      Position
		waiting []waiter
		newTerm chan struct{} // closed when an entry of a newer term is applied
	}
}

type waiter struct {
	index uint64
	done  chan struct{}
}

func (p *progress) now() Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.at
}

// reach moves the position to at and wakes who waits for it.
func (p *progress) reach(at Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.Term > p.mu.at.Term && p.mu.newTerm != nil {
		close(p.mu.newTerm)
		p.mu.newTerm = nil
	}
	p.mu.at = at
	kept := p.mu.waiting[:0]
	for _, w := range p.mu.waiting {
		if w.index <= at.Index {
			close(w.done)
		} else {
			kept = append(kept, w)
		}
	}
	clear(p.mu.waiting[len(kept):])
	p.mu.waiting = kept
}

// waitApplied returns nil once index is applied.
func (p *progress) waitApplied(ctx context.Context, index uint64) error {
	p.mu.Lock()
	if p.mu.at.Index >= index {
		p.mu.Unlock()
		return nil
	}
	w := waiter{index, make(chan struct{})}
	p.mu.waiting = append(p.mu.waiting, w)
	p.mu.Unlock()

	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		p.dropWaiter(w)
		return ctx.Err()
	}
}

func (p *progress) dropWaiter(w waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.mu.waiting {
		if p.mu.waiting[i].done == w.done {
			p.mu.waiting = append(p.mu.waiting[:i], p.mu.waiting[i+1:]...)
			return
		}
	}
}

// term returns a channel that is closed once an entry of a term above the position's is applied.
func (p *progress) term() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.newTerm == nil {
		p.mu.newTerm = make(chan struct{})
	}
	return p.mu.newTerm
}

// Applied returns the newest entry whose effects are in the store.
func (m *Machine) Applied() Position { return m.applied.now() }

// WaitApplied returns nil once the entry at index is applied, or the context's error.
func (m *Machine) WaitApplied(ctx context.Context, index uint64) error {
	return m.applied.waitApplied(ctx, index)
}

// NewTerm returns a channel that is closed once an entry of a newer term than Applied's is applied.
func (m *Machine) NewTerm() <-chan struct{} { return m.applied.term() }
