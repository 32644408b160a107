package replica

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
	"cairn/storage/layout"
)

// membership is the leader's part in changing who is in the cluster, at the requests of members and of those who want
// to be.
type membership struct {
	*node
	soleVoter *soleVoter
	admin     *admin
	index     *readIndex
	transfer  *transfer
	gone      removals
}

// promotionLag is how many entries a learner may be behind the leader when it gets its vote.
const promotionLag = 1000

// admit makes the configuration say what a node wants it to say of itself: that it is a member, where it is reached,
// that it votes. It takes one step each time it is asked; once nothing is left to do, it says so.
func (c *membership) admit(ctx context.Context, o request) response {
	m, ok := c.settled(ctx)
	if !ok {
		return unsettled
	}
	if o.Format != layout.FormatVersion {
		return refused("node %s keeps data in format %d and this cluster in format %d: run the same version of the program on all nodes",
			o.ID, o.Format, layout.FormatVersion)
	}
	s, ok := m.member(o.ID)
	if other, taken := m.at(o.Addr); taken && string(other.ID) != o.ID {
		if !ok || !o.HasState {
			return refused("the address %s is member %s's: a node has an address of its own, see --advertise", o.Addr, other.ID)
		}
		return c.takeAddress(ctx, m, other, o)
	}
	switch {
	case !ok:
		return c.introduceMember(ctx, m, o)
	case string(s.Address) != o.Addr:
		return c.changeAddress(ctx, m, s, o)
	case o.Vote && s.Suffrage != raft.Voter:
		return c.promote(m, o)
	case !o.HasState: // its disk is lost; or it only says that it is there
		return c.reachable(ctx, o)
	}
	return response{Done: true}
}

// introduceMember adds a node as a learner once it is seen at the address that it says is its own.
func (c *membership) introduceMember(ctx context.Context, m configuration, o request) response {
	if v := c.reachable(ctx, o); !v.Done {
		return v
	}
	c.log.Info("a node joins as a learner", "peer", o.ID, "addr", o.Addr)
	return c.change(func() raft.IndexFuture {
		return c.raft.AddNonvoter(raft.ServerID(o.ID), raft.ServerAddress(o.Addr), m.index, requestTimeout)
	})
}

// reachable is done when the node that sent o answers at its address.
func (c *membership) reachable(ctx context.Context, o request) response {
	if o.ID == c.o.ID {
		return response{Done: true}
	}
	return c.present(ctx, o)
}

// present is done when the process that sent o is seen at its address.
func (c *membership) present(ctx context.Context, o request) response {
	who, err := c.who(ctx, o.Addr)
	switch {
	case err != nil:
		return response{Wait: fmt.Sprintf("the leader cannot reach this node at %s, see --advertise: %v", o.Addr, err)}
	case who.Run != o.Run:
		return refused("at %s answers node %s, another than the one that wants to be there, see --advertise", o.Addr, who.ID)
	}
	return who
}

// whoTimeout bounds a question that a node answers at once, if it answers.
const whoTimeout = time.Second

func (c *membership) who(ctx context.Context, addr string) (response, error) {
	ctx, cancel := context.WithTimeout(ctx, whoTimeout)
	defer cancel()
	return c.admin.send(ctx, raftfix.MemberAddr{Addr: addr}, request{Verb: verbWho})
}

// changeAddress gives a member that has come back elsewhere its new address. A member with an empty disk is another
// node than the one that had the name: were both to answer to it, the vote would be there twice. That one must be
// forgotten first.
func (c *membership) changeAddress(ctx context.Context, m configuration, s raft.Server, o request) response {
	if !o.HasState {
		return refused("%s is a member at %s; for a new node of that name say CLUSTER FORGET %s first, or choose another --id", s.ID, s.Address, s.ID)
	}
	if who, err := c.who(ctx, string(s.Address)); err == nil && who.ID == o.ID && who.Run != o.Run {
		return refused("%s is a member, and alive, at %s: choose another --id", s.ID, s.Address)
	}
	if v := c.reachable(ctx, o); !v.Done {
		return v
	}
	c.log.Info("a member has a new address", "peer", o.ID, "addr", o.Addr, "before", string(s.Address))
	v := c.setAddress(m, s, o.Addr)
	if v.Done {
		c.restoreAddress(ctx, string(s.Address))
	}
	return v
}

// setAddress changes a member's address.
func (c *membership) setAddress(m configuration, s raft.Server, addr string) response {
	add := c.raft.AddVoter
	if s.Suffrage != raft.Voter {
		add = c.raft.AddNonvoter
	}
	return c.change(func() raft.IndexFuture { return add(s.ID, raft.ServerAddress(addr), m.index, requestTimeout) })
}

// nowhere is the address of a member whose own another member has taken. No two members of a configuration have one
// address, so members that have changed places go by way of it. The name is one that nobody has (RFC 2606).
func nowhere(s raft.Server) string { return NodeID(string(s.ID)) + link.NoHost }

// takeAddress takes a member's address, where another member is seen.
func (c *membership) takeAddress(ctx context.Context, m configuration, s raft.Server, o request) response {
	if v := c.present(ctx, o); !v.Done {
		return v
	}
	c.log.Info("a member is not where it was: another one is there", "peer", string(s.ID), "addr", o.Addr, "there", o.ID)
	if v := c.setAddress(m, s, nowhere(s)); !v.Done {
		return v
	}
	return response{Wait: fmt.Sprintf("%s had the address %s", s.ID, o.Addr)}
}

// restoreAddress gives an address that has become free to a member that has none, so that nobody stays without: whoever
// is elsewhere says so.
func (c *membership) restoreAddress(ctx context.Context, free string) {
	m, ok := c.settled(ctx)
	if _, taken := m.at(free); !ok || taken {
		return
	}
	for _, s := range m.servers {
		if string(s.Address) == nowhere(s) {
			c.setAddress(m, s, free)
			return
		}
	}
}

// promote gives a learner that is near the head of the log its vote.
func (c *membership) promote(m configuration, o request) response {
	if head := c.raft.CommitIndex(); o.Applied+promotionLag < head {
		return response{Wait: fmt.Sprintf("%d entries behind", head-o.Applied)}
	}
	c.log.Info("a learner gets its vote", "peer", o.ID, "index", o.Applied)
	return c.change(func() raft.IndexFuture {
		return c.raft.AddVoter(raft.ServerID(o.ID), raft.ServerAddress(o.Addr), m.index, requestTimeout)
	})
}

// change makes a change of the configuration. One that has failed may be tried again: whoever asked looks first.
func (c *membership) change(propose func() raft.IndexFuture) response {
	err := c.soleVoter.beforeChange()
	if err == nil {
		err = propose().Error()
	}
	if err == nil {
		return response{Done: true}
	}
	if errors.Is(err, raft.ErrNotLeader) || errors.Is(err, raft.ErrLeadershipLost) {
		return response{}
	}
	return response{Wait: err.Error()}
}

// tellMembership tells a node that hears of no leader whether it is a member. Only a leader whose configuration is
// committed, and who leads beyond doubt, says that it is not.
func (c *membership) tellMembership(ctx context.Context, o request) response {
	m, ok := c.settled(ctx)
	if _, member := m.member(o.ID); member {
		return response{Done: true}
	}
	if _, err := c.index.leader.join(false); err != nil || !ok {
		return unsettled
	}
	return response{Removed: true}
}
