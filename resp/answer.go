package resp

import (
	"context"
	"errors"
	"fmt"

	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// The answer contract: what a client hears of the world's faults. A redirect or a retryable error is given only when
// the call was certainly not proposed.
const (
	errInDoubt  reply.UserError = "INDOUBT the write may or may not have taken effect: leadership was lost or the node is stopping while it was in flight"
	errNoLeader reply.UserError = "CLUSTERDOWN no leader elected, try again later"
	errNoQuorum reply.UserError = "CLUSTERDOWN no quorum for the read"
	errClosed   reply.UserError = "CLUSTERDOWN the node is stopping"
	errStale    reply.UserError = "CLUSTERDOWN this node's state is too old and no leader is known"
	errJoining  reply.UserError = "LOADING this node is joining its cluster and has not caught up yet"
	errRemoved  reply.UserError = "CLUSTERDOWN this node was removed from its cluster; ask another one"
	errTooLarge reply.UserError = "ERR the command is too large for a log entry"
	errInternal reply.UserError = "ERR internal error: the node could not read its state"
)

var errReplies = errors.New("resp: the backend answered a wrong number of calls")

// writeGroups proposes groups of so many calls.
func (s *Server) writeGroups(ctx context.Context, groups []entry.Group, calls int) ([]reply.Reply, error) {
	replies, err := s.o.Backend.Write(ctx, groups)
	if err == nil && len(replies) != calls {
		s.o.Logger.Error("the backend answered a wrong number of calls", "calls", calls, "replies", len(replies))
		err = replica.ErrInDoubt
	}
	return replies, err
}

// readCalls answers calls; it may answer some of them only.
func (s *Server) readCalls(ctx context.Context, how replica.Consistency, calls []entry.Call) ([]reply.Reply, error) {
	replies, err := s.o.Backend.Read(ctx, how, calls)
	if err == nil && (len(replies) == 0 || len(replies) > len(calls)) {
		s.o.Logger.Error("the backend answered a wrong number of calls", "calls", len(calls), "replies", len(replies))
		err = errReplies
	}
	return replies, err
}

// consistency returns what the connection's reads may see.
func (c *conn) consistency() replica.Consistency {
	if c.sess.readonly {
		return replica.Local
	}
	return c.srv.o.Consistency
}

// leader returns the address of the node that leads, when it is another one; empty otherwise.
func (s *Server) leader() string {
	l := s.o.Backend.Leader()
	if l.Self || l.Addr == s.o.Advertise {
		return ""
	}
	return l.Addr
}

// writeFaults answers writes that failed with err.
func (c *conn) writeFaults(err error, calls []entry.Call, routes []*route) []reply.Reply {
	switch {
	case errors.Is(err, replica.ErrInDoubt):
		return c.same(errInDoubt, calls)
	case errors.Is(err, replica.ErrNotLeader):
		return c.moved(err, errNoLeader, calls, routes)
	case errors.Is(err, replica.ErrNoLeader):
		return c.same(errNoLeader, calls)
	case errors.Is(err, replica.ErrJoining):
		return c.same(errJoining, calls)
	case errors.Is(err, replica.ErrRemoved):
		return c.same(errRemoved, calls)
	case errors.Is(err, replica.ErrTooLarge):
		return c.same(errTooLarge, calls)
	case errors.Is(err, replica.ErrClosed):
		return c.same(errClosed, calls)
	}
	if !errors.Is(err, context.Canceled) {
		c.srv.o.Logger.Error("a write failed for an unknown reason", "err", err)
	}
	return c.same(errInDoubt, calls)
}

// readFaults answers reads that failed with err.
func (c *conn) readFaults(err error, calls []entry.Call, routes []*route) []reply.Reply {
	switch {
	case errors.Is(err, replica.ErrNoQuorum): // whatever else it wraps
		return c.same(errNoQuorum, calls)
	case errors.Is(err, replica.ErrNotLeader):
		return c.moved(err, errNoLeader, calls, routes)
	case errors.Is(err, replica.ErrStale):
		return c.moved(err, errStale, calls, routes)
	case errors.Is(err, replica.ErrNoLeader):
		return c.same(errNoLeader, calls)
	case errors.Is(err, replica.ErrJoining):
		return c.same(errJoining, calls)
	case errors.Is(err, replica.ErrRemoved):
		return c.same(errRemoved, calls)
	case errors.Is(err, context.DeadlineExceeded):
		return c.same(errNoQuorum, calls)
	case errors.Is(err, replica.ErrClosed), errors.Is(err, context.Canceled):
		return c.same(errClosed, calls)
	}
	c.srv.o.Logger.Error("a read failed for an unknown reason", "err", err)
	return c.same(errInternal, calls)
}

// moved redirects each call to the leader with its own slot: to the one that err names, or that the node knows now.
// Without another leader the answer is otherwise.
func (c *conn) moved(err error, otherwise reply.UserError, calls []entry.Call, routes []*route) []reply.Reply {
	addr := c.srv.leader()
	if other := (*replica.NotLeaderError)(nil); errors.As(err, &other) {
		addr = other.Leader.Addr
	}
	if addr == "" {
		return c.same(otherwise, calls)
	}
	replies := make([]reply.Reply, len(calls))
	for i, call := range calls {
		var slot uint16
		if key := firstKey(routes[i].spec, call.Argv); key != nil {
			slot = command.Slot(key)
		}
		replies[i] = reply.Reply{Kind: reply.Error, Str: fmt.Appendf(nil, "MOVED %d %s", slot, addr)}
	}
	return replies
}

func (c *conn) same(e reply.UserError, calls []entry.Call) []reply.Reply {
	replies := make([]reply.Reply, len(calls))
	for i := range replies {
		replies[i] = e.Reply()
	}
	return replies
}
