package raftfix

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// Contacts notes for each peer when the newest request was sent that it has answered in this node's term.
type Contacts struct {
	Heard *Broadcast

	mu struct {
		sync.Mutex
		term uint64 // that this node led
		sent map[raft.ServerID]time.Time
		seen map[raft.ServerID]time.Time // when the newest request was sent that a peer has answered, whatever it said
	}
}

// NewContacts returns one that has heard of nobody.
func NewContacts() *Contacts {
	c := &Contacts{Heard: NewBroadcast()}
	c.mu.seen = make(map[raft.ServerID]time.Time)
	return c
}

// reached notes that a peer has answered a request, perhaps to refuse it.
func (c *Contacts) reached(id raft.ServerID, sent time.Time) {
	c.mu.Lock()
	if sent.After(c.mu.seen[id]) {
		c.mu.seen[id] = sent
	}
	c.mu.Unlock()
	c.Heard.Wake()
}

// Answered notes that a peer was in term, which this node leads, at some moment after sent.
func (c *Contacts) Answered(id raft.ServerID, term uint64, sent time.Time) {
	c.mu.Lock()
	if c.mu.sent == nil || term > c.mu.term {
		c.mu.term, c.mu.sent = term, make(map[raft.ServerID]time.Time)
	}
	if term == c.mu.term && sent.After(c.mu.sent[id]) {
		c.mu.sent[id] = sent
	}
	c.mu.Unlock()
	c.Heard.Wake()
}

// Of returns when the newest request was sent that a peer has answered in term.
func (c *Contacts) Of(term uint64, id raft.ServerID) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if term != c.mu.term {
		return time.Time{}
	}
	return c.mu.sent[id]
}

// contactTick is how often whoever waits for a peer looks whether it still has a reason to.
const contactTick = 500 * time.Millisecond

// await returns once a peer has answered a request that was sent after a time, or there is no reason any more to wait
// for it, or done is closed. A refusal counts: it may say that there is a newer term, which the next append is to
// find out.
func (c *Contacts) await(id raft.ServerID, after time.Time, reason func() bool, done <-chan struct{}) {
	tick := time.NewTicker(contactTick)
	defer tick.Stop()
	for {
		heard := c.Heard.Next()
		c.mu.Lock()
		back := c.mu.seen[id].After(after)
		c.mu.Unlock()
		if back || !reason() {
			return
		}
		select {
		case <-heard:
		case <-tick.C:
		case <-done:
			return
		}
	}
}

// Majority returns the newest time after which a majority of the voters, this node included, was in term; zero when
// there is none.
func (c *Contacts) Majority(term uint64, self string, voters []raft.Server) time.Time {
	needed := len(voters)/2 + 1
	var times []time.Time
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range voters {
		if string(v.ID) == self {
			needed--
		} else if sent, ok := c.mu.sent[v.ID]; ok && term == c.mu.term {
			times = append(times, sent)
		}
	}
	switch {
	case needed == 0:
		return time.Now()
	case len(times) < needed:
		return time.Time{}
	}
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	return times[needed-1]
}

// Sort puts those who were heard last first.
func (c *Contacts) Sort(servers []raft.Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.SortStableFunc(servers, func(a, b raft.Server) int { return c.mu.sent[b.ID].Compare(c.mu.sent[a.ID]) })
}
