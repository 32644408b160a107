package raftfix

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"cairn/storage/raftlog"
)

var (
	errRejoining = errors.New("raftfix: this node has lost its past and does not vote until it has caught up")
	errRestarted = errors.New("raftfix: this node has just started and does not vote yet")
)

// OriginKey is the stable value that says how a node came to its cluster.
var OriginKey = []byte("CairnOrigin")

// The values of originKey. A node is a founder when it has met another one before either of them had a state: those
// whose votes made the first leader are. Nobody who comes later is, unless it meets another newcomer first.
const (
	originUnknown   = 0 // it has met nobody yet, or has caught up
	originRejoining = 1 // it has met a cluster that exists, and has not caught up with it
	originFounder   = 2
)

// VoteGuard says when this node takes no part in elections. Raft rests on votes and entries never being forgotten,
// and on followers of a leader not voting for another; two nodes break that:
//
//   - One that starts on an empty disk while its cluster exists. It may have stored entries that count as committed;
//     its vote would elect a node that lacks them. It votes again once it has applied what a leader had committed
//     after it came back.
//   - One that has just been restarted. It does not know the leader that it has followed a moment ago, and whose
//     lease counts on it.
type VoteGuard struct {
	log       *raftlog.Store
	until     time.Time // no votes before
	rejoining atomic.Bool
	met       chan struct{} // holds one element when rejoining has become true

	mu struct {
		sync.Mutex
		origin uint64
	}
}

// NewVoteGuard returns the guard of the node whose log that is. Load is called before it is used.
func NewVoteGuard(log *raftlog.Store) *VoteGuard {
	return &VoteGuard{log: log, met: make(chan struct{}, 1)}
}

// Load is called before Raft starts; restarted says that the node had a state.
func (b *VoteGuard) Load(restarted bool, heartbeat time.Duration) (err error) {
	if restarted {
		b.until = time.Now().Add(heartbeat)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.origin, err = b.log.GetUint64(OriginKey); b.mu.origin == originRejoining {
		b.rejoin()
	}
	return err
}

func (b *VoteGuard) rejoin() {
	b.rejoining.Store(true)
	select {
	case b.met <- struct{}{}:
	default:
	}
}

// Meet says whether this node and a peer have been part of a cluster, before the link between them is used.
func (b *VoteGuard) Meet(own, peer bool) error {
	if own {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.origin != originUnknown {
		return nil
	}
	if !peer {
		return b.setLocked(originFounder)
	}
	if err := b.setLocked(originRejoining); err != nil {
		return err
	}
	b.rejoin()
	return nil
}

func (b *VoteGuard) setLocked(origin uint64) error {
	if err := b.log.SetUint64(OriginKey, origin); err != nil {
		return fmt.Errorf("raftfix: note how this node came to its cluster: %w", err)
	}
	b.mu.origin = origin
	return nil
}

// Rejoining reports whether this node has lost its past and has not caught up.
func (b *VoteGuard) Rejoining() bool { return b.rejoining.Load() }

// Rejoined delivers when this node has begun to rejoin.
func (b *VoteGuard) Rejoined() <-chan struct{} { return b.met }

// await is called before Raft starts on a node that is to join a cluster: it votes for nobody until it has.
func (b *VoteGuard) Rejoin() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.origin != originUnknown {
		return nil
	}
	if err := b.setLocked(originRejoining); err != nil {
		return err
	}
	b.rejoin()
	return nil
}

// CaughtUp ends the abstention.
func (b *VoteGuard) CaughtUp() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.setLocked(originUnknown); err != nil {
		return err
	}
	b.rejoining.Store(false)
	return nil
}

// refuses returns why a peer's request must not reach Raft, or nil.
func (b *VoteGuard) refuses(request any) error {
	transfer := false // the leader itself wants the election, and has given up its lease
	switch v := request.(type) {
	case *raft.RequestVoteRequest:
		transfer = v.LeadershipTransfer
	case *raft.RequestPreVoteRequest:
	default:
		return nil
	}
	switch {
	case b.rejoining.Load():
		return errRejoining
	case !transfer && time.Now().Before(b.until):
		return errRestarted
	}
	return nil
}
