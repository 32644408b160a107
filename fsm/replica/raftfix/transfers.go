package raftfix

import (
	"sync"

	"github.com/hashicorp/raft"
)

// Transfers keeps offers of leadership from filling a place that Raft has for one of them. An offer that takes too
// long, because the appends to the other node stand still, stays in a channel of one place until the next append; one
// more that is made before waits there, and when leadership ends it waits for ever, and Raft counts it as going on:
// this node could be elected again, and would turn every proposal away until it is restarted.
type Transfers struct {
	mu struct {
		sync.Mutex
		begun  map[raft.ServerID]uint64 // appends, but no heartbeats
		term   uint64                   // of failed
		failed map[raft.ServerID]uint64 // begun when the last offer failed
	}
}

// NewTransfers returns one that knows of no offer.
func NewTransfers() *Transfers {
	o := &Transfers{}
	o.mu.begun, o.mu.failed = make(map[raft.ServerID]uint64), make(map[raft.ServerID]uint64)
	return o
}

// drainAppends is after how many appends an offer that has failed is out of the channel: each is made by a loop that
// takes it with a chance of a half at least.
const drainAppends = 24

// appends notes that an append to a node begins.
func (o *Transfers) appends(id raft.ServerID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.begun[id]++
}

// Failed notes that an offer to a node has failed in a term.
func (o *Transfers) Failed(term uint64, id raft.ServerID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.mu.term != term {
		o.mu.term = term
		clear(o.mu.failed)
	}
	o.mu.failed[id] = o.mu.begun[id]
}

// May reports whether a node may be offered leadership.
func (o *Transfers) May(term uint64, id raft.ServerID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	at, failed := o.mu.failed[id]
	return !failed || o.mu.term != term || o.mu.begun[id] >= at+drainAppends
}

// isHeartbeat tells a heartbeat from an append as Raft does.
func isHeartbeat(req *raft.AppendEntriesRequest) bool {
	return req.PrevLogEntry == 0 && req.PrevLogTerm == 0 && len(req.Entries) == 0 && req.LeaderCommitIndex == 0
}
