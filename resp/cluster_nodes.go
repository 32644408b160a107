package resp

import (
	"fmt"
	"strings"
	"time"

	"cairn/fsm/reply"
)

const errNoMaster reply.UserError = "ERR The specified node is not a master"

func errUnknownNode(id []byte) reply.UserError { return reply.Errorf("ERR Unknown node %.128s", id) }

// runClusterNodes describes the nodes, one a line.
func runClusterNodes(c *conn, _ [][]byte) reply.Reply {
	m := c.clusterMap()
	var text strings.Builder
	for _, n := range m.nodes {
		text.WriteString(m.nodeLine(n, time.Now()) + "\n")
	}
	return reply.VerbatimText(text.String())
}

// nodeLine describes a node as CLUSTER NODES does:
//
//	id host:port@port[,hostname] flags master-id ping-sent pong-received epoch link-state [slots]
//
// One port carries clients and links. The times are in Unix milliseconds; 0 is unknown.
func (m clusterMap) nodeLine(n clusterNode, now time.Time) string {
	var flags []string
	if n.Self {
		flags = append(flags, "myself")
	}
	role, master, slots := "slave", m.master().NodeID, ""
	if m.isMaster(n) {
		role, master, slots = "master", "-", fmt.Sprintf(" 0-%d", lastSlot)
	}
	if m.lone() {
		slots = ""
	}
	flags = append(flags, role)
	state, pong := "connected", now.UnixMilli()
	if !n.up() {
		flags = append(flags, "fail?")
		state, pong = "disconnected", 0
	}
	addr := fmt.Sprintf("%s:%d@%d", n.host, n.port, n.port)
	if name := n.hostname(); name != "" {
		addr += "," + name
	}
	return fmt.Sprintf("%s %s %s %s 0 %d %d %s%s",
		n.NodeID, addr, strings.Join(flags, ","), master, pong, m.status.Term, state, slots)
}

// runClusterReplicas is REPLICAS and SLAVES.
func runClusterReplicas(c *conn, argv [][]byte) reply.Reply {
	m := c.clusterMap()
	n, ok := m.node(argv[2])
	switch {
	case !ok:
		return errUnknownNode(argv[2]).Reply()
	case !m.isMaster(n):
		return errNoMaster.Reply()
	}
	var lines []reply.Reply
	for _, n := range m.nodes[1:] {
		lines = append(lines, reply.BulkString(m.nodeLine(n, time.Now())))
	}
	return reply.ArrayOf(lines...)
}

// runClusterFailureReports knows this node's report only.
func runClusterFailureReports(c *conn, argv [][]byte) reply.Reply {
	n, ok := c.clusterMap().node(argv[2])
	if !ok {
		return errUnknownNode(argv[2]).Reply()
	}
	return reply.Flag(!n.up())
}

// runClusterLinks lists the links to the nodes that answer. When they began and what waits in them is not known here:
// 0.
func runClusterLinks(c *conn, _ [][]byte) reply.Reply {
	var links []reply.Reply
	for _, n := range c.clusterMap().nodes {
		if n.Self || !n.Connected {
			continue
		}
		links = append(links, reply.MapOf(
			reply.BulkString("direction"), reply.BulkString("to"),
			reply.BulkString("node"), reply.BulkString(n.NodeID),
			reply.BulkString("create-time"), reply.Int(0),
			reply.BulkString("events"), reply.BulkString("r"),
			reply.BulkString("send-buffer-allocated"), reply.Int(0),
			reply.BulkString("send-buffer-used"), reply.Int(0),
		))
	}
	return reply.ArrayOf(links...)
}
