package replica

import (
	"context"
	"net"

	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
)

// host is the node to its links.
type host struct {
	*node
	founding *founding
	admin    *admin
	queries  *queries
}

// Situation implements linkHost.
func (h *host) Situation() link.Situation {
	return link.Situation{HasState: h.hasState(), Leads: h.leading(), Waits: h.founding.waits.Load(), Members: h.lastConfiguration().servers}
}

// Yield implements linkHost.
func (h *host) Yield(peer link.Hello) *link.Refusal { return h.founding.yield(peer) }

// Who implements linkHost.
func (h *host) Who(ctx context.Context, addr string) (id, run string, err error) {
	who, err := h.admin.send(ctx, raftfix.MemberAddr{Addr: addr}, request{Verb: verbWho})
	return who.ID, who.Run, err
}

// Serve implements linkHost.
func (h *host) Serve(c net.Conn, peer link.Hello) error { return h.queries.serveQueries(c, peer) }
