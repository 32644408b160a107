package resp

import (
	"context"
	"net"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// Backend is the data behind a Server and what is known of the cluster; *replica.Replica implements it.
type Backend interface {
	// Write proposes groups and returns one reply per call, in order. It waits for a leader, and names another node
	// that leads in a replica.NotLeaderError. Its errors are the replica's sentinels; any other error means that the
	// outcome is unknown. Nobody changes the calls meanwhile; once it has returned, it holds nothing of them.
	Write(ctx context.Context, groups []entry.Group) ([]reply.Reply, error)
	// Read answers calls, in order, from one point in time. It may answer fewer than were asked, at least one, to
	// keep the replies within a bound of bytes; the caller asks again for the rest, and List for what is a reply.Long.
	// The calls are not used after it returns.
	Read(ctx context.Context, c replica.Consistency, calls []entry.Call) ([]reply.Reply, error)
	// List answers a call of a command.Listing like Read, by handing its elements on. An error before that may wrap a
	// reply.UserError, one after it says that the reply is broken off.
	List(ctx context.Context, c replica.Consistency, call entry.Call, to reply.Lister) error
	// Leader is who leads, as far as the node knows; it costs next to nothing, and Status does not.
	Leader() replica.Leader
	// Status is what the node knows of itself and of the cluster.
	Status() replica.Status
	// ServeLink takes over a connection that opened with replica.Preface, which has been read, and returns when the
	// link has ended.
	ServeLink(conn net.Conn)
	// Change changes the cluster, and returns once that is done. A replica.Refusal says in words for the operator why
	// it is not.
	Change(ctx context.Context, c replica.Change) error
}
