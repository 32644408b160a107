package raftfix

import "sync"

// Broadcast wakes everybody who waits for the next change.
type Broadcast struct {
	mu struct {
		sync.Mutex
		next chan struct{}
	}
}

// NewBroadcast returns one that nobody waits for.
func NewBroadcast() *Broadcast {
	b := &Broadcast{}
	b.mu.next = make(chan struct{})
	return b
}

// Next returns a channel that the next wake closes. Take it before looking at what may change.
func (b *Broadcast) Next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.next
}

// Wake wakes them.
func (b *Broadcast) Wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.mu.next)
	b.mu.next = make(chan struct{})
}
