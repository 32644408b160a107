package resp

import (
	"net"
	"net/netip"
	"strings"

	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// Protected mode is Redis's: without a password a node serves clients of its own machine only, and here, without a
// cluster secret, links from there only. So nobody opens a database to a network by giving it an address there. What
// counts is what is set when a connection comes.

const (
	errDenied reply.UserError = "DENIED no password is set, and in protected mode this node then serves only clients on its own machine. " +
		"Set a password (--requirepass, CAIRN_REQUIREPASS, or CONFIG SET requirepass there), or, where nobody else reaches the port, " +
		"turn protected mode off (--protected-mode no, or CONFIG SET protected-mode no there)."
	linkDenied = "no cluster secret is set, and in protected mode a node then takes links only from its own machine; " +
		"set --cluster-secret (or --requirepass) on all nodes, or --protected-mode no"
)

// distant tells whether an address is beyond this machine's loopback. Connections in memory and Unix sockets are not.
func distant(a net.Addr) bool {
	if !strings.HasPrefix(a.Network(), "tcp") {
		return false
	}
	from, err := netip.ParseAddrPort(a.String())
	return err != nil || !from.Addr().Unmap().IsLoopback()
}

// denied tells whether the connection is refused if it is a client's.
func (c *conn) denied() bool {
	now := c.srv.settings.load()
	return now.protected && now.requirePass == "" && distant(c.nc.RemoteAddr())
}

// linkDenied tells whether the connection is refused if it is a node's.
func (c *conn) linkDenied() bool {
	return c.srv.settings.load().protected && c.srv.o.OpenLinks && distant(c.nc.RemoteAddr())
}

// deny tells a client what is to be done.
func (c *conn) deny() {
	c.srv.stats.refused.Add(1)
	c.srv.o.Logger.Warn("a client on another machine is refused: protected mode", "peer", c.nc.RemoteAddr().String())
	c.out.reply(errDenied.Reply())
	c.linger()
}

// denyLink tells a node, and the log, what is to be done.
func (c *conn) denyLink() {
	c.srv.o.Logger.Warn("a node on another machine is refused: protected mode", "peer", c.nc.RemoteAddr().String(), "err", linkDenied)
	if err := replica.RefuseLink(c.nc, linkDenied); err != nil {
		c.srv.o.Logger.Debug("a node does not hear why its link was refused", "peer", c.nc.RemoteAddr().String(), "err", err)
	}
}
