package replica

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
	"cairn/storage/layout"
)

// Standing is what a node is to its cluster.
type Standing uint32

// The standings.
const (
	Belongs Standing = iota // it is a member
	Joining                 // it is not a member yet, or has not caught up yet; it serves nothing
	Removed                 // it was a member; it serves nothing
)

// String returns the word that INFO shows.
func (s Standing) String() string {
	return map[Standing]string{Belongs: "member", Joining: "joining", Removed: "removed"}[s]
}

// current is Replica.Standing.
func (r *standing) current() Standing {
	s := Standing(r.now.Load())
	if s == Belongs && r.guard.Rejoining() {
		return Joining // it has just met the cluster
	}
	return s
}

// ErrJoining and ErrRemoved are returned by calls on a node that serves nothing; they were certainly not proposed.
var (
	ErrJoining = errors.New("replica: this node is joining its cluster")
	ErrRemoved = errors.New("replica: this node was removed from its cluster")
)

// outside returns why this node serves nothing, or nil.
func (r *standing) outside() error {
	switch r.current() {
	case Joining:
		return ErrJoining
	case Removed:
		return ErrRemoved
	}
	return nil
}

// standing is what attend has found out.
type standing struct {
	*node
	intent   *intent
	guard    *raftfix.VoteGuard
	cluster  *link.ClusterNote
	founding *founding
	admin    *admin
	progress *progress
	index    *readIndex

	now     atomic.Uint32
	leaving atomic.Bool // this node was told to leave
	refused chan error  // why the cluster named in the options did not let this node in

	mu struct {
		sync.Mutex
		addrs []string // of members of the cluster to join
		why   string   // the last reason to wait that was logged
		self  raft.Server
		left  bool // it is said that this node has left, at its own word
	}
}

func newStanding(n *node, b *raftfix.VoteGuard, c *link.ClusterNote) *standing {
	r := &standing{node: n, intent: &intent{log: n.o.Log}, guard: b, cluster: c, refused: make(chan error, 1)}
	r.setTarget(n.o.Join)
	return r
}

func (r *standing) target() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.addrs
}

func (r *standing) setTarget(addrs []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.addrs = addrs
}

// refuse tells the owner why this node cannot be what it is to be.
func (r *standing) refuse(err error) {
	select {
	case r.refused <- err:
	default: // it has been said
	}
}

// attendPause is how often a node looks at what it is to its cluster.
const attendPause = 100 * time.Millisecond

// attend keeps what the configuration says of this node and what the node is and wants to be together.
func (r *standing) attend() {
	heard := time.Now() // when a leader was known, or the others were asked about it
	for ok := true; ok; ok = r.pause(r.o.paced(attendPause), nil) {
		self, member := r.updateStanding()
		if _, led := r.leaderAt(); led && member {
			heard = time.Now()
		}
		lost := time.Since(heard) > max(time.Second, 4*r.o.Heartbeat)
		switch {
		case r.intent.load() == intentRemoved:
		case !member && r.current() == Joining:
			r.tryJoin()
		case member && r.current() != Removed && string(self.Address) != r.o.Addr,
			r.intent.load() == intentVote && self.Suffrage != raft.Voter && r.current() == Belongs:
			r.correct(self)
		case lost:
			r.askWhetherKept()
			heard = time.Now()
		}
	}
}

// updateStanding notes what this node is now, and returns what the configuration says of it. A node that catches up
// meets older configurations without it first.
func (r *standing) updateStanding() (self raft.Server, member bool) {
	m := r.configuration()
	self, member = m.member(r.o.ID)
	now := Belongs
	switch {
	case r.intent.load() == intentRemoved:
		now = Removed
	case r.founding.waits.Load(): // calls wait for the leader that this node is to be
	case r.guard.Rejoining() || len(m.servers) == 0:
		now = Joining
	case !member:
		now = Removed
	}
	if before := Standing(r.now.Swap(uint32(now))); before != now {
		r.noteStanding(now, self)
	}
	if member {
		r.logVote(self)
	}
	return self, member
}

// logVote logs that this node gets its vote, or loses it.
func (r *standing) logVote(self raft.Server) {
	r.mu.Lock()
	before := r.mu.self
	r.mu.self = self
	r.mu.Unlock()
	switch was, is := before.Suffrage == raft.Voter, self.Suffrage == raft.Voter; {
	case before.ID == "" || was == is:
	case is:
		r.log.Info("this node has its vote", "index", r.machine.Applied().Index)
	default:
		r.log.Info("this node has no vote any more", "index", r.machine.Applied().Index)
	}
}

// logLeft logs, once, that this node has left its cluster, at its own operator's word.
func (r *standing) logLeft() {
	r.mu.Lock()
	said := r.mu.left
	r.mu.left = true
	r.mu.Unlock()
	if !said {
		r.log.Info("this node has left its cluster and serves nothing any more", "next", "stop it; to come in again it needs an empty --dir and --join")
	}
}

func (r *standing) noteStanding(now Standing, self raft.Server) {
	switch now {
	case Belongs:
		r.log.Info("this node is a member", "suffrage", self.Suffrage.String(), "index", r.machine.Applied().Index)
		r.setTarget(nil)
	case Removed:
		if r.leaving.Load() {
			r.logLeft()
			break
		}
		r.log.Warn("this node was removed from its cluster; it serves nothing any more: stop it; to come in again it needs an empty --dir and --join")
	}
	r.changed.Wake()
}

// joinOrder is what this node asks for itself.
func (r *standing) joinRequest() request {
	return request{
		Verb: verbJoin, ID: r.o.ID, Addr: r.o.Addr, Run: r.run, HasState: r.hasState(),
		Applied: r.machine.Applied().Index, Format: layout.FormatVersion,
	}
}

// tryJoin asks the cluster that this node is to join to add it.
func (r *standing) tryJoin() {
	addrs := r.target()
	if len(addrs) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(r.ctx, requestTimeout)
	defer cancel()
	_, err := r.admin.command(ctx, r.joinRequest(), anyoneAt(addrs)...)
	refusal := Refusal("")
	if errors.As(err, &refusal) {
		r.cluster.Suppose("")
	}
	switch {
	case err == nil:
		r.log.Info("this node was added to the cluster and catches up", "peer", addrs[0])
		r.awaitMember(ctx)
	case errors.As(err, &refusal) && len(r.o.Join) > 0:
		r.refuse(fmt.Errorf("replica: cannot join: %w", err))
		r.setTarget(nil)
	case errors.As(err, &refusal):
		r.setTarget(nil)
	default:
		r.logOnce("this node waits to be added to the cluster", err.Error())
	}
}

// awaitMember waits until the configuration that says that this node is a member has come here.
func (r *standing) awaitMember(ctx context.Context) {
	for r.pause(attendPause, ctx.Done()) {
		if _, member := r.updateStanding(); member {
			return
		}
	}
}

// joinAt joins the cluster of the node at addr, at an operator's word, and returns once it is added.
func (r *standing) joinAt(ctx context.Context, addr string) error {
	if at := r.target(); len(at) > 0 {
		return Refusal(fmt.Sprintf("this node is joining the cluster of %s already", at[0]))
	}
	if _, err := r.admin.command(ctx, r.joinRequest(), raftfix.MemberAddr{Addr: addr}); err != nil {
		r.cluster.Suppose("")
		return err
	}
	r.log.Info("this node was added to the cluster and catches up", "peer", addr)
	return nil
}

// correct asks the leader to let the configuration say what this node is and wants.
func (r *standing) correct(self raft.Server) {
	ctx, cancel := context.WithTimeout(r.ctx, requestTimeout)
	defer cancel()
	o := r.joinRequest()
	o.Vote = r.intent.load() == intentVote && !r.guard.Rejoining()
	if _, err := r.admin.command(ctx, o, r.others()...); err != nil {
		r.logOnce("the configuration is not yet what this node wants", err.Error())
		return
	}
	for r.pause(attendPause, ctx.Done()) {
		if now, member := r.updateStanding(); now != self || !member {
			return
		}
	}
}

// askWhetherKept asks, when no leader is heard of, whether this node is still a member.
func (r *standing) askWhetherKept() {
	ctx, cancel := context.WithTimeout(r.ctx, whoTimeout)
	defer cancel()
	v, err := r.admin.command(ctx, request{Verb: verbKeep, ID: r.o.ID}, r.others()...)
	if err != nil || !v.Removed {
		return
	}
	if err := r.intent.set(intentRemoved); err != nil {
		r.log.Error("cannot note that this node was removed", "err", err)
	}
	r.updateStanding()
}

// anyoneAt is for addresses where it is not known who is there.
func anyoneAt(addrs []string) (all []raftfix.MemberAddr) {
	for _, addr := range addrs {
		all = append(all, raftfix.MemberAddr{Addr: addr})
	}
	return all
}

// logOnce logs why something has to wait, once.
func (r *standing) logOnce(what, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.why != why {
		r.mu.why = why
		r.log.Warn(what, "err", why)
	}
}

// catchUp waits for this node to meet an older cluster, and then until it has caught up with that.
func (r *standing) catchUp() {
	for {
		select {
		case <-r.guard.Rejoined():
		case <-r.ctx.Done():
			return
		}
		if !r.o.Joining {
			r.log.Info("this node is new to a cluster that exists; it does not vote until it has caught up")
		}
		for {
			_, err := r.index.confirm(r.ctx, false)
			if _, member := r.configuration().member(r.o.ID); err == nil && !member {
				err = ErrJoining // it has caught up with a configuration that it is not in yet
			}
			if err == nil {
				err = r.guard.CaughtUp()
			}
			if err == nil {
				r.log.Info("caught up with the cluster", "index", r.machine.Applied().Index)
				break
			}
			if !r.pause(r.o.paced(retryPause), nil) {
				return
			}
		}
	}
}

// comeAsNew is called before Raft starts on a node that is to join a cluster; hasState says that it has begun to
// before.
func (r *standing) comeAsNew(hasState bool) error {
	if !hasState {
		if err := r.guard.Rejoin(); err != nil {
			return err
		}
	}
	switch {
	case r.o.Learner && !hasState:
		return r.intent.set(intentLearner)
	case r.intent.load() == intentNone:
		return r.intent.set(intentVote)
	}
	return nil
}
