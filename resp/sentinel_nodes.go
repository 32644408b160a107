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

func (f *fields) addField(name string, value any) {
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
	f.addField("name", name)
	f.addField("ip", n.host)
	f.addField("port", n.port)
	f.addField("runid", n.NodeID)
	f.addField("flags", flags)
	f.addField("link-pending-commands", 0)
	f.addField("link-refcount", 1)
	f.addField("last-ping-sent", 0)
	f.addField("last-ok-ping-reply", 0)
	f.addField("last-ping-reply", 0)
	if !n.up() {
		f.addField("s-down-time", 0)
	}
	f.addField("down-after-milliseconds", 1000)
	return f
}

func (m clusterMap) sentinelMaster(name string) reply.Reply {
	f := instance(m.master(), name, "master")
	f.addField("info-refresh", 0)
	f.addField("role-reported", "master")
	f.addField("role-reported-time", 0)
	f.addField("config-epoch", m.status.Term)
	f.addField("num-slaves", len(m.nodes)-1)
	f.addField("num-other-sentinels", len(m.nodes)-1)
	f.addField("quorum", m.quorum())
	f.addField("failover-timeout", 2000)
	f.addField("parallel-syncs", 1)
	return reply.MapOf(*f...)
}

func (m clusterMap) sentinelReplicas() reply.Reply {
	replicas := []reply.Reply{}
	link := "ok"
	if !m.led {
		link = "err"
	}
	for _, n := range m.nodes[1:] {
		f := instance(n, net.JoinHostPort(n.host, strconv.FormatInt(n.port, 10)), "slave")
		f.addField("info-refresh", 0)
		f.addField("role-reported", "slave")
		f.addField("role-reported-time", 0)
		f.addField("master-link-down-time", 0)
		f.addField("master-link-status", link)
		f.addField("master-host", m.master().host)
		f.addField("master-port", m.master().port)
		f.addField("slave-priority", 100)
		f.addField("slave-repl-offset", m.offset(n))
		f.addField("replica-announced", 1)
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
		f.addField("last-hello-message", 0)
		f.addField("voted-leader", "?")
		f.addField("voted-leader-epoch", 0)
		others = append(others, reply.MapOf(*f...))
	}
	return reply.ArrayOf(others...)
}

// isMasterName tells whether a name can be the master's: +switch-master parts its words by spaces.
func isMasterName(name string) bool { return name != "" && !strings.ContainsAny(name, " \r\n\t") }
