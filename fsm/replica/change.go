package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/raftfix"
)

// ChangeKind says what a Change changes.
type ChangeKind uint8

// The kinds of Change.
const (
	Meet     ChangeKind = iota // invite the node at Addr, or on a node that waits for a cluster, join the one that the node at Addr is of
	Forget                     // remove the member ID
	Failover                   // make this node the leader
	Demote                     // take this node's vote; ID is the leader to follow
	Promote                    // let this node vote again
)

// Change is a change of the cluster that an operator asks of a node.
type Change struct {
	Kind  ChangeKind
	ID    string // a member: its name or its NodeID
	Addr  string // host:port
	Force bool   // of Forget: even if no quorum is left; of Failover: even if the leader does not answer
}

// changeTimeout bounds a Change.
const changeTimeout = 15 * time.Second

// change is Replica.Change.
func (r *standing) change(ctx context.Context, c Change) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	switch c.Kind {
	case Meet:
		return r.meetNode(ctx, c.Addr)
	case Forget:
		return r.forget(ctx, c)
	case Failover:
		return r.failOver(ctx, c.Force)
	case Demote:
		return r.demoteSelf(ctx, c.ID)
	case Promote:
		return r.promoteSelf(ctx)
	}
	return fmt.Errorf("replica: no change of kind %d", c.Kind)
}

// forget removes a member, which may be this node.
func (r *standing) forget(ctx context.Context, c Change) error {
	self := c.ID == r.o.ID || c.ID == NodeID(r.o.ID)
	if self {
		r.leaving.Store(true)
	}
	_, err := r.admin.command(ctx, request{Verb: verbForget, ID: c.ID, Force: c.Force})
	switch {
	case self && err == nil:
		r.logLeft()
	case self:
		r.leaving.Store(false)
	}
	return err
}

// meetNode invites a node, or on a node that belongs to no cluster yet, asks to be let in.
func (r *standing) meetNode(ctx context.Context, addr string) error {
	switch r.current() {
	case Joining:
		return r.joinAt(ctx, addr)
	case Removed:
		return Refusal("this node was removed from its cluster: start it on an empty --dir with --join")
	}
	v, err := r.admin.send(ctx, raftfix.MemberAddr{Addr: addr}, request{Verb: verbInvite, Addr: r.o.Addr, ID: r.o.ID})
	switch {
	case err != nil:
		return Refusal(fmt.Sprintf("no node of Cairn that this one may link with answers at %s: %v", addr, err))
	case v.Refused != "":
		return Refusal(v.Refused)
	case !v.Done:
		return errors.New(v.Wait)
	}
	return nil
}

// invited is the invited node's part.
func (r *standing) invited(ctx context.Context, o request) response {
	if m := r.configuration(); r.current() != Joining {
		if _, ok := m.at(o.Addr); ok {
			return response{Done: true}
		}
		return refused("%s is a node of a cluster already, with data of its own: start it on an empty --dir with --join wait", r.o.ID)
	}
	if err := r.joinAt(ctx, o.Addr); err != nil {
		return refused("%v", err)
	}
	return response{Done: true}
}

// failOver makes this node the leader. With force it does not ask a leader that does not answer: the election that
// follows may choose another node, and then that is asked.
func (r *standing) failOver(ctx context.Context, force bool) error {
	m := r.configuration()
	if s, ok := m.member(r.o.ID); !ok || s.Suffrage != raft.Voter {
		return Refusal(r.o.ID + " has no vote and cannot lead; say CLUSTER REPLICATE NO ONE on it first")
	}
	unknown := time.Now().Add(r.o.ElectionWait)
	for {
		changed := r.changed.Next()
		if r.raft.State() == raft.Leader && r.ready() {
			return nil
		}
		if _, id := r.raft.LeaderWithID(); id != "" && string(id) != r.o.ID {
			tried, cancel := context.WithTimeout(ctx, requestTimeout/2)
			_, err := r.admin.command(tried, request{Verb: verbTransfer, ID: r.o.ID})
			cancel()
			if refusal := Refusal(""); errors.As(err, &refusal) || err != nil && !force {
				return err
			}
		}
		if _, id := r.raft.LeaderWithID(); id == "" && !force && time.Now().After(unknown) {
			return Refusal("no leader is known; with FORCE this node waits for the election")
		}
		if !r.pauseOrChange(ctx, changed) {
			return errors.New("this node does not lead: no majority of the voters has elected it in time")
		}
	}
}

// demoteSelf takes this node's vote, and remembers that it wants none.
func (r *standing) demoteSelf(ctx context.Context, leader string) error {
	m := r.configuration()
	s, ok := m.member(leader)
	_, now := r.raft.LeaderWithID()
	switch {
	case !ok:
		return Refusal("Unknown node " + leader)
	case string(s.ID) == r.o.ID:
		return Refusal("Can't replicate myself")
	case now != "" && now != s.ID:
		return Refusal("I can only replicate a master, not a replica.")
	}
	before := r.intent.load()
	if err := r.intent.set(intentLearner); err != nil {
		return err
	}
	if _, err := r.admin.command(ctx, request{Verb: verbDemote, ID: r.o.ID}); err != nil {
		return errors.Join(err, r.intent.set(before))
	}
	return nil
}

// promoteSelf remembers that this node wants a vote, and waits until it has it.
func (r *standing) promoteSelf(ctx context.Context) error {
	if err := r.intent.set(intentVote); err != nil {
		return err
	}
	for {
		if slices.ContainsFunc(r.voters(), func(s raft.Server) bool { return string(s.ID) == r.o.ID }) {
			return nil
		}
		if !r.pause(requestPause, ctx.Done()) {
			return errors.New("this node gets its vote once it has caught up: it is still behind")
		}
	}
}
