package resp

import (
	"fmt"
	"strconv"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

const errNoSuchMaster reply.UserError = "ERR No such master with that name"

// sentinelRow is SENTINEL with those of its subcommands that clients use to find the master: every node is a sentinel
// of the one master that there is.
func sentinelRow() command.Spec {
	const (
		flags = command.FlagAdmin | command.FlagNoScript | command.FlagLoading | command.FlagStale
		group = "sentinel"
		acl   = "admin slow dangerous"
		cost  = "O(N) where N is the number of nodes"
	)
	return command.Spec{Name: "sentinel", Group: group, Since: "2.8.4", ACL: "slow",
		Summary: "Shows the cluster as Redis's sentinels would, for clients that find the master by them",
		Subs: []command.Spec{
			{Name: "ckquorum", Flags: flags, Group: group, Since: "2.8.4", Cost: cost, ACL: acl, Exec: named(runCheckQuorum),
				Syntax: "master-name", Summary: "Says whether a majority of the voters answers"},
			{Name: "get-master-addr-by-name", Flags: flags, Group: group, Since: "2.8.4", Cost: cost, ACL: acl, Exec: handler(runMasterAddr),
				Syntax: "master-name", Summary: "Answers the address of the node that leads"},
			{Name: "help", Flags: flags, Group: group, Since: "2.8.4", Cost: cost, ACL: acl, Exec: handler(runSentinelHelp),
				Summary: "Describes the subcommands"},
			{Name: "master", Flags: flags, Group: group, Since: "2.8.4", Cost: cost, ACL: acl, Exec: named(runMaster),
				Syntax: "master-name", Summary: "Describes the node that leads"},
			{Name: "masters", Flags: flags, Group: group, Since: "2.8.4", Cost: cost, ACL: acl, Exec: handler(runMasters),
				Summary: "Describes the node that leads, as the only master"},
			{Name: "myid", Flags: flags, Group: group, Since: "2.8.4", Cost: cost, ACL: acl, Exec: handler(runClusterMyID),
				Summary: "Answers this node's id"},
			{Name: "replicas", Flags: flags, Group: group, Since: "2.8.4", Cost: cost, ACL: acl, Exec: named(runMasterReplicas),
				Syntax: "master-name", Summary: "Describes the followers"},
			{Name: "sentinels", Flags: flags, Group: group, Since: "2.8.4", Cost: cost, ACL: acl, Exec: named(runSentinels),
				Syntax: "master-name", Summary: "Describes the other nodes, each of which is a sentinel too"},
			{Name: "slaves", Flags: flags, Group: group, Since: "2.8.4", Cost: cost, ACL: acl, Exec: named(runMasterReplicas),
				Syntax: "master-name", Summary: "Is REPLICAS by its old name"},
		},
	}
}

// named makes the handler of a subcommand that answers only for the master's own name.
func named(run func(m clusterMap, c *conn) reply.Reply) handler {
	return func(c *conn, argv [][]byte) reply.Reply {
		if string(argv[2]) != c.srv.o.SentinelMaster {
			return errNoSuchMaster.Reply()
		}
		return run(c.clusterMap(), c)
	}
}

func runSentinelHelp(c *conn, _ [][]byte) reply.Reply { return help(c.srv.table, "sentinel") }

func runMaster(m clusterMap, c *conn) reply.Reply { return m.sentinelMaster(c.srv.o.SentinelMaster) }

func runMasterReplicas(m clusterMap, _ *conn) reply.Reply { return m.sentinelReplicas() }

func runSentinels(m clusterMap, _ *conn) reply.Reply { return m.sentinels() }

// runMasterAddr answers nil for a name that is not the master's, as Redis does, and on a node that belongs to no
// cluster yet, or has heard of no leader: the client asks another sentinel.
func runMasterAddr(c *conn, argv [][]byte) reply.Reply {
	m := c.clusterMap()
	if string(argv[2]) != c.srv.o.SentinelMaster || m.lone() || m.guess {
		return reply.NilArray()
	}
	return reply.ArrayOf(reply.BulkString(m.master().host), reply.BulkString(strconv.FormatInt(m.master().port, 10)))
}

func runMasters(c *conn, _ [][]byte) reply.Reply {
	return reply.ArrayOf(c.clusterMap().sentinelMaster(c.srv.o.SentinelMaster))
}

// runCheckQuorum counts the voters that answer, as far as this node knows.
func runCheckQuorum(m clusterMap, _ *conn) reply.Reply {
	usable := 0
	for _, n := range m.nodes {
		if n.Voter && n.up() {
			usable++
		}
	}
	if need := m.quorum(); usable < need {
		return reply.Errorf("NOQUORUM %d usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master."+
			" Not enough available Sentinels to reach the majority and authorize a failover", usable).Reply()
	}
	return reply.Statusf(fmt.Sprintf("OK %d usable Sentinels. Quorum and failover authorization can be reached", usable))
}

// quorum is how many voters a majority needs.
func (m clusterMap) quorum() int { return m.status.Voters/2 + 1 }
