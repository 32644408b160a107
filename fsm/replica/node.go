package replica

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/fsm/replica/raftfix"
)

// node is what all parts of a replica need: Raft, the machine, and when to stop.
type node struct {
	o         Options
	raft      *raft.Raft
	started   chan struct{} // closed once raft is there
	machine   *fsm.Machine
	snapshots *fsm.Snapshots
	log       *slog.Logger
	clock     *clock
	run       string             // of this process: tells it from another one with the same id
	changed   *raftfix.Broadcast // leadership or readiness may have changed
	ctx       context.Context    // ends when Close begins
	cancel    context.CancelFunc
	wg        sync.WaitGroup
}

func newNode(o Options) *node {
	ctx, cancel := context.WithCancel(context.Background())
	return &node{
		o: o, machine: o.Machine, snapshots: o.Snapshots, log: o.Logger, clock: newClock(o.Clock, o.Machine), run: rand.Text(),
		changed: raftfix.NewBroadcast(), started: make(chan struct{}), ctx: ctx, cancel: cancel,
	}
}

// leading says that this node leads; false as long as Raft is being started.
func (n *node) leading() bool {
	select {
	case <-n.started:
		return n.raft.State() == raft.Leader
	default:
		return false
	}
}

// wanted says that this node leads in term and that a peer is a member.
func (n *node) wanted(id raft.ServerID, term uint64) bool {
	select {
	case <-n.started:
	default:
		return true // Raft has begun to lead before Start knows it
	}
	_, member := n.configuration().member(string(id))
	return member && n.raft.State() == raft.Leader && n.raft.CurrentTerm() == term
}

// lastConfiguration returns the newest configuration; none while Raft is being started.
func (n *node) lastConfiguration() configuration {
	select {
	case <-n.started:
		return n.configuration()
	default:
		return configuration{}
	}
}

func (n *node) servers() []raft.Server { return n.raft.GetConfiguration().Configuration().Servers }

func (n *node) voters() []raft.Server { return votersOf(n.servers()) }

func votersOf(servers []raft.Server) (voters []raft.Server) {
	for _, s := range servers {
		if s.Suffrage == raft.Voter {
			voters = append(voters, s)
		}
	}
	return voters
}

// onlyVoter says that this node is the only voter of the newest configuration.
func (n *node) onlyVoter() bool {
	v := n.voters()
	return len(v) == 1 && string(v[0].ID) == n.o.ID
}

// others returns the other members that this node knows of.
func (n *node) others() (all []raftfix.MemberAddr) {
	for _, s := range n.servers() {
		if string(s.ID) != n.o.ID {
			all = append(all, raftfix.Located(s))
		}
	}
	return all
}

// founders returns the membership that the options name for a new cluster.
func (n *node) founders() (members []raft.Server) {
	for _, p := range n.o.Peers {
		members = append(members, raft.Server{ID: raft.ServerID(p.ID), Address: raft.ServerAddress(p.Addr)})
	}
	return members
}

// leaderAt returns the leader that this node knows of, at the address that it gave itself; ok is false when there is
// none.
func (n *node) leaderAt() (leader raftfix.MemberAddr, ok bool) {
	addr, id := n.raft.LeaderWithID()
	if addr == "" || id == "" {
		return raftfix.MemberAddr{}, false
	}
	return raftfix.MemberAddr{ID: string(id), Addr: raftfix.ParseMemberAddr(string(addr)).Addr}, true
}

// knownLeader is Replica.Leader.
func (n *node) knownLeader() Leader {
	at, _ := n.leaderAt()
	return Leader{ID: at.ID, Addr: at.Addr, Self: at.ID == n.o.ID}
}

// leaderElsewhere reports whether another node is known to lead.
func (n *node) leaderElsewhere() bool {
	_, id := n.raft.LeaderWithID()
	return id != "" && string(id) != n.o.ID
}

// whileLeads returns when ctx ends, or when another node than id has become the known leader, which it tells by gone:
// the old one may have died without a word.
func (n *node) whileLeads(ctx context.Context, id raft.ServerID, gone func()) {
	for {
		changed := n.changed.Next()
		if _, now := n.raft.LeaderWithID(); now != id {
			gone()
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// ready reports whether the machine has applied an entry of the current term. On a leader that has just proved its
// leadership, that makes the machine's state, up to the commit index, current.
func (n *node) ready() bool { return n.machine.Applied().Term == n.raft.CurrentTerm() }

// awaitApplied returns nil once the machine has applied index, an error when that takes longer than the election wait.
func (n *node) awaitApplied(ctx context.Context, index uint64) error {
	if n.machine.Applied().Index >= index {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, n.o.ElectionWait)
	defer cancel()
	return n.machine.WaitApplied(ctx, index)
}

// hasState reports whether this node has been part of a cluster: its log holds more than the membership it begins
// with, or its state has gone further, and says so even where a crash has taken what was not synced.
func (n *node) hasState() bool {
	last, _ := n.o.Log.LastIndex() // never fails
	return last > 1 || n.machine.Applied().Index > 0
}

// pause waits for d, or less when the replica closes or done is closed; it is false then.
func (n *node) pause(d time.Duration, done <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-done:
		return false
	case <-n.ctx.Done():
		return false
	}
}

// pauseOrChange waits a moment, less if leadership changes; it is false when time is up.
func (n *node) pauseOrChange(ctx context.Context, changed <-chan struct{}) bool {
	t := time.NewTimer(n.o.paced(retryPause))
	defer t.Stop()
	select {
	case <-changed:
	case <-t.C:
	case <-ctx.Done():
		return false
	case <-n.ctx.Done():
		return false
	}
	return ctx.Err() == nil
}
