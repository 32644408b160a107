package resp

import (
	"maps"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// clusterRows returns CLUSTER and its subcommands.
func clusterRows() []command.Spec {
	const (
		stale    = command.FlagStale
		admin    = command.FlagAdmin | command.FlagStale
		change   = admin | command.FlagNoAsyncLoading
		group    = "cluster"
		varies   = "nondeterministic_output"
		perNode  = "O(N) where N is the total number of Cluster nodes"
		perSlot  = "O(N) where N is the total number of hash slot arguments"
		perRange = "O(N) where N is the total number of the slots between the start slot and end slot arguments."
	)
	local := command.Local{}
	return []command.Spec{{
		Name: "cluster", Arity: -2, Group: group, Since: "3.0.0", Cost: "Depends on subcommand.",
		Summary: "Shows the cluster as Redis clients know one",
		Subs: []command.Spec{
			{Name: "addslots", Arity: -3, Flags: change, Group: group, Since: "3.0.0", Cost: perSlot, Exec: local,
				Syntax: "slot [slot ...]", Summary: "Is refused: the leader has every slot"},
			{Name: "addslotsrange", Arity: -4, Flags: change, Group: group, Since: "7.0.0", Cost: perRange, Exec: local,
				Syntax: "start-slot end-slot [start-slot end-slot ...]", Summary: "Is refused: the leader has every slot"},
			{Name: "bumpepoch", Arity: 2, Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Tips: varies, Exec: local,
				Summary: "Is refused: the epoch is Raft's term"},
			{Name: "count-failure-reports", Arity: 3, Flags: admin, Group: group, Since: "3.0.0", Tips: varies, Exec: local,
				Cost: "O(N) where N is the number of failure reports", Syntax: "node-id",
				Summary: "Answers 1 when this node does not hear from a node, else 0"},
			{Name: "countkeysinslot", Arity: 3, Flags: stale, Group: group, Since: "3.0.0", Exec: local,
				Cost: "O(N) where N is the number of keys in the slot", Syntax: "slot",
				Summary: "Counts the keys of a hash slot in the current database"},
			{Name: "delslots", Arity: -3, Flags: change, Group: group, Since: "3.0.0", Cost: perSlot, Exec: local,
				Syntax: "slot [slot ...]", Summary: "Is refused: the leader has every slot"},
			{Name: "delslotsrange", Arity: -4, Flags: change, Group: group, Since: "7.0.0", Cost: perRange, Exec: local,
				Syntax: "start-slot end-slot [start-slot end-slot ...]", Summary: "Is refused: the leader has every slot"},
			{Name: "failover", Arity: -2, Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Syntax: "[FORCE | TAKEOVER]", Summary: "Makes this node the leader"},
			{Name: "flushslots", Arity: 2, Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Summary: "Is refused: the leader has every slot"},
			{Name: "forget", Arity: -3, Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Syntax: "node-id [FORCE]", Summary: "Removes a node from the cluster"},
			{Name: "getkeysinslot", Arity: 4, Flags: stale, Group: group, Since: "3.0.0", Tips: varies, Exec: local,
				Cost: "O(N) where N is the number of requested keys", Syntax: "slot count",
				Summary: "Lists keys of a hash slot in the current database, no more than a mebibyte of them"},
			{Name: "help", Arity: 2, Flags: command.FlagLoading | stale, Group: group, Since: "5.0.0", Cost: "O(1)", Exec: local,
				Summary: "Describes the subcommands"},
			{Name: "info", Arity: 2, Flags: stale, Group: group, Since: "3.0.0", Cost: "O(1)", Tips: varies, Exec: local,
				Summary: "Says how the cluster is"},
			{Name: "keyslot", Arity: 3, Flags: stale, Group: group, Since: "3.0.0", Exec: local,
				Cost: "O(N) where N is the number of bytes in the key", Syntax: "key", Summary: "Answers the hash slot of a key"},
			{Name: "links", Arity: 2, Flags: stale, Group: group, Since: "7.0.0", Cost: perNode, Tips: varies, Exec: local,
				Summary: "Lists the nodes that this node is linked with"},
			{Name: "meet", Arity: -4, Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Syntax: "ip port [cluster_bus_port]", Summary: "Lets a node that waits for a cluster join this one"},
			{Name: "myid", Arity: 2, Flags: stale, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Summary: "Answers this node's id"},
			{Name: "myshardid", Arity: 2, Flags: stale, Group: group, Since: "7.2.0", Cost: "O(1)", Exec: local,
				Summary: "Answers the id of the cluster's only shard"},
			{Name: "nodes", Arity: 2, Flags: stale, Group: group, Since: "3.0.0", Cost: perNode, Tips: varies, Exec: local,
				Summary: "Describes the nodes, one a line"},
			{Name: "replicas", Arity: 3, Flags: admin, Group: group, Since: "5.0.0", Cost: "O(1)", Tips: varies, Exec: local,
				Syntax: "node-id", Summary: "Describes the followers of the leader"},
			{Name: "replicate", Arity: -3, Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Syntax: "<node-id | NO ONE>", Summary: "Takes this node's vote, so that it only follows the leader, or gives it back"},
			{Name: "reset", Arity: -2, Flags: admin | command.FlagNoScript, Group: group, Since: "3.0.0", Exec: local,
				Cost: "O(1)", Syntax: "[HARD | SOFT]", Summary: "Is refused: a node starts afresh in an empty directory"},
			{Name: "saveconfig", Arity: 2, Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Summary: "Answers OK: the configuration is on disk at all times"},
			{Name: "set-config-epoch", Arity: 3, Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Syntax: "config-epoch", Summary: "Is refused: the epoch is Raft's term"},
			{Name: "setslot", Arity: -4, Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Syntax: "slot <IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>", Summary: "Is refused: the leader has every slot"},
			{Name: "shards", Arity: 2, Flags: stale, Group: group, Since: "7.0.0", Cost: perNode, Tips: varies, Exec: local,
				Summary: "Answers the slots and nodes of the cluster's only shard"},
			{Name: "slaves", Arity: 3, Flags: admin, Group: group, Since: "3.0.0", Cost: "O(1)", Tips: varies, Exec: local,
				Syntax: "node-id", Summary: "Is REPLICAS by its old name"},
			{Name: "slots", Arity: 2, Flags: stale, Group: group, Since: "3.0.0", Cost: perNode, Tips: varies, Exec: local,
				Summary: "Answers which nodes have which slots, the leader first"},
		},
	}}
}

// clusterHandlers returns what answers them.
func clusterHandlers() map[string]handler {
	all := map[string]handler{
		"cluster|count-failure-reports": runClusterFailureReports, "cluster|countkeysinslot": runClusterCountKeys,
		"cluster|getkeysinslot": runClusterGetKeys, "cluster|help": runClusterHelp, "cluster|info": runClusterInfo,
		"cluster|keyslot": runClusterKeySlot, "cluster|links": runClusterLinks, "cluster|myid": runClusterMyID,
		"cluster|myshardid": runClusterMyShardID, "cluster|nodes": runClusterNodes, "cluster|replicas": runClusterReplicas,
		"cluster|saveconfig": runClusterSaveConfig, "cluster|shards": runClusterShards, "cluster|slaves": runClusterReplicas,
		"cluster|slots": runClusterSlots,
	}
	maps.Copy(all, clusterChanges())
	for name, why := range clusterRefusals() {
		all["cluster|"+name] = func(*conn, [][]byte) reply.Reply { return why.Reply() }
	}
	return all
}

func runClusterHelp(c *conn, _ [][]byte) reply.Reply { return help(c.srv.table, "cluster") }
