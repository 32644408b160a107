package resp

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"

	"cairn/fsm/reply"
)

// runClusterInfo says how the cluster is, as far as this node knows: "fail" while nobody leads. Nodes send each other
// no messages of Redis's kinds.
func runClusterInfo(c *conn, _ [][]byte) reply.Reply {
	m := c.clusterMap()
	const slots = lastSlot + 1
	state, fine, suspected := "ok", slots, 0
	if !m.led {
		state = "fail"
	}
	if !m.master().up() {
		fine, suspected = 0, slots
	}
	var text strings.Builder
	for _, field := range []struct {
		name  string
		value any
	}{
		{"cluster_state", state},
		{"cluster_slots_assigned", slots},
		{"cluster_slots_ok", fine},
		{"cluster_slots_pfail", suspected},
		{"cluster_slots_fail", 0},
		{"cluster_known_nodes", len(m.nodes)},
		{"cluster_size", 1},
		{"cluster_current_epoch", m.status.Term},
		{"cluster_my_epoch", m.status.Term},
		{"cluster_stats_messages_sent", 0},
		{"cluster_stats_messages_received", 0},
		{"total_cluster_links_buffer_limit_exceeded", 0},
	} {
		fmt.Fprintf(&text, "%s:%v\r\n", field.name, field.value)
	}
	return reply.VerbatimText(text.String())
}

func runClusterMyID(c *conn, _ [][]byte) reply.Reply {
	return reply.BulkString(c.srv.o.Backend.Status().NodeID)
}

// runClusterMyShardID answers the same on every node once the cluster has an id.
func runClusterMyShardID(c *conn, _ [][]byte) reply.Reply {
	sum := sha1.Sum([]byte("cairn shard " + c.srv.o.Backend.Status().Cluster))
	return reply.BulkString(hex.EncodeToString(sum[:]))
}
