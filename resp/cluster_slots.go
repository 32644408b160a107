package resp

import "cairn/fsm/reply"

// runClusterSlots answers one range of slots and its nodes. A replica that does not answer stays in the map, as one
// that Redis merely suspects would: a client that starts with one address needs the others.
func runClusterSlots(c *conn, _ [][]byte) reply.Reply {
	shard := []reply.Reply{reply.Int(0), reply.Int(lastSlot)}
	nodes := c.clusterMap().serving()
	if len(nodes) == 0 {
		return reply.ArrayOf()
	}
	for _, n := range nodes {
		shard = append(shard, reply.ArrayOf(
			reply.BulkString(n.host), reply.Int(n.port), reply.BulkString(n.NodeID), reply.MapOf(),
		))
	}
	return reply.ArrayOf(reply.ArrayOf(shard...))
}

// runClusterShards answers the one shard.
func runClusterShards(c *conn, _ [][]byte) reply.Reply {
	m := c.clusterMap()
	var nodes []reply.Reply
	for _, n := range m.serving() {
		nodes = append(nodes, m.shardNode(n))
	}
	return reply.ArrayOf(reply.MapOf(
		reply.BulkString("slots"), reply.ArrayOf(reply.Int(0), reply.Int(lastSlot)),
		reply.BulkString("nodes"), reply.ArrayOf(nodes...),
	))
}

func (m clusterMap) shardNode(n clusterNode) reply.Reply {
	role := "replica"
	if m.isMaster(n) {
		role = "master"
	}
	node := []reply.Reply{
		reply.BulkString("id"), reply.BulkString(n.NodeID),
		reply.BulkString("port"), reply.Int(n.port),
		reply.BulkString("ip"), reply.BulkString(n.host),
		reply.BulkString("endpoint"), reply.BulkString(n.host),
	}
	if name := n.hostname(); name != "" {
		node = append(node, reply.BulkString("hostname"), reply.BulkString(name))
	}
	return reply.MapOf(append(node,
		reply.BulkString("role"), reply.BulkString(role),
		reply.BulkString("replication-offset"), reply.Int(m.offset(n)),
		reply.BulkString("health"), reply.BulkString(m.health(n)))...)
}

// health is in the words that Redis sends; its manual has "failed" for "fail".
func (m clusterMap) health(n clusterNode) string {
	switch {
	case !n.up():
		return "fail"
	case !m.isMaster(n) && m.offset(n) == 0:
		return "loading"
	}
	return "online"
}
