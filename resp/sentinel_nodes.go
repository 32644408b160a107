package resp

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"cairn/fsm/reply"
)

// fields is what a sentinel says of a node: names and values, all of them strings.
type fields []reply.Reply

func (f *fields) add(name string, value any) {
	*f = append(*f, reply.BulkString(name), reply.BulkString(fmt.Sprint(value)))
}

// instance begins the fields of a node; kind is master, slave or sentinel. What a sentinel measures and this node
// does not is 0, or fresh.
func instance(n clusterNode, name, kind string) *fields {
	f := &fields{}
	flags := kind
	if !n.up() {
		flags += ",s_down"
	}
	f.add("name", name)
	f.add("ip", n.host)
	f.add("port", n.port)
	f.add("runid", n.NodeID)
	f.add("flags", flags)
	f.add("link-pending-commands", 0)
	f.add("link-refcount", 1)
	f.add("last-ping-sent", 0)
	f.add("last-ok-ping-reply", 0)
	f.add("last-ping-reply", 0)
	if !n.up() {
		f.add("s-down-time", 0)
	}
	f.add("down-after-milliseconds", 1000)
	return f
}

func (m clusterMap) sentinelMaster(name string) reply.Reply {
	f := instance(m.master(), name, "master")
	f.add("info-refresh", 0)
	f.add("role-reported", "master")
	f.add("role-reported-time", 0)
	f.add("config-epoch", m.status.Term)
	f.add("num-slaves", len(m.nodes)-1)
	f.add("num-other-sentinels", len(m.nodes)-1)
	f.add("quorum", m.quorum())
	f.add("failover-timeout", 2000)
	f.add("parallel-syncs", 1)
	return reply.MapOf(*f...)
}

func (m clusterMap) sentinelReplicas() reply.Reply {
	replicas := []reply.Reply{}
	link := "ok"
	if m.status.LeaderID == "" {
		link = "err"
	}
	for _, n := range m.nodes[1:] {
		f := instance(n, net.JoinHostPort(n.host, strconv.FormatInt(n.port, 10)), "slave")
		f.add("info-refresh", 0)
		f.add("role-reported", "slave")
		f.add("role-reported-time", 0)
		f.add("master-link-down-time", 0)
		f.add("master-link-status", link)
		f.add("master-host", m.master().host)
		f.add("master-port", m.master().port)
		f.add("slave-priority", 100)
		f.add("slave-repl-offset", m.offset(n))
		f.add("replica-announced", 1)
		replicas = append(replicas, reply.MapOf(*f...))
	}
	return reply.ArrayOf(replicas...)
}

// sentinels are the other nodes.
func (m clusterMap) sentinels() reply.Reply {
	others := []reply.Reply{}
	for _, n := range m.nodes {
		if n.Self {
			continue
		}
		f := instance(n, n.NodeID, "sentinel")
		f.add("last-hello-message", 0)
		f.add("voted-leader", "?")
		f.add("voted-leader-epoch", 0)
		others = append(others, reply.MapOf(*f...))
	}
	return reply.ArrayOf(others...)
}

// isMasterName tells whether a name can be the master's: +switch-master parts its words by spaces.
func isMasterName(name string) bool { return name != "" && !strings.ContainsAny(name, " \r\n\t") }
