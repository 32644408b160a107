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
		Name: "cluster", Group: group, Since: "3.0.0", Cost: "Depends on subcommand.",
		Summary: "Shows the cluster as Redis clients know one",
		Subs: []command.Spec{
			{Name: "addslots", Flags: change, Group: group, Since: "3.0.0", Cost: perSlot, Exec: local,
				Syntax: "slot:integer [slot:integer ...]", Summary: "Is refused: the leader has every slot"},
			{Name: "addslotsrange", Flags: change, Group: group, Since: "7.0.0", Cost: perRange, Exec: local,
				Syntax: "start-slot:integer end-slot:integer [start-slot:integer end-slot:integer ...]", Summary: "Is refused: the leader has every slot"},
			{Name: "bumpepoch", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Tips: varies, Exec: local,
				Summary: "Is refused: the epoch is Raft's term"},
			{Name: "count-failure-reports", Flags: admin, Group: group, Since: "3.0.0", Tips: varies, Exec: local,
				Cost: "O(N) where N is the number of failure reports", Syntax: "node-id",
				Summary: "Answers 1 when this node does not hear from a node, else 0"},
			{Name: "countkeysinslot", Flags: stale, Group: group, Since: "3.0.0", Exec: local,
				Cost: "O(N) where N is the number of keys in the slot", Syntax: "slot:integer",
				Summary: "Counts the keys of a hash slot in the current database"},
			{Name: "delslots", Flags: change, Group: group, Since: "3.0.0", Cost: perSlot, Exec: local,
				Syntax: "slot:integer [slot:integer ...]", Summary: "Is refused: the leader has every slot"},
			{Name: "delslotsrange", Flags: change, Group: group, Since: "7.0.0", Cost: perRange, Exec: local,
				Syntax: "start-slot:integer end-slot:integer [start-slot:integer end-slot:integer ...]", Summary: "Is refused: the leader has every slot"},
			{Name: "failover", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Syntax: "[FORCE | TAKEOVER]", Summary: "Makes this node the leader"},
			{Name: "flushslots", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Summary: "Is refused: the leader has every slot"},
			{Name: "forget", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Syntax: "node-id [FORCE]", Summary: "Removes a node from the cluster"},
			{Name: "getkeysinslot", Flags: stale, Group: group, Since: "3.0.0", Tips: varies, Exec: local,
				Cost: "O(N) where N is the number of requested keys", Syntax: "slot:integer count:integer",
				Summary: "Lists keys of a hash slot in the current database, no more than a mebibyte of them"},
			{Name: "help", Flags: command.FlagLoading | stale, Group: group, Since: "5.0.0", Cost: "O(1)", Exec: local,
				Summary: "Describes the subcommands"},
			{Name: "info", Flags: stale, Group: group, Since: "3.0.0", Cost: "O(1)", Tips: varies, Exec: local,
				Summary: "Says how the cluster is"},
			{Name: "keyslot", Flags: stale, Group: group, Since: "3.0.0", Exec: local,
				Cost: "O(N) where N is the number of bytes in the key", Syntax: "key", Summary: "Answers the hash slot of a key"},
			{Name: "links", Flags: stale, Group: group, Since: "7.0.0", Cost: perNode, Tips: varies, Exec: local,
				Summary: "Lists the nodes that this node is linked with"},
			{Name: "meet", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Syntax: "ip port:integer [cluster_bus_port:integer]", Summary: "Lets a node that waits for a cluster join this one"},
			{Name: "myid", Flags: stale, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Summary: "Answers this node's id"},
			{Name: "myshardid", Flags: stale, Group: group, Since: "7.2.0", Cost: "O(1)", Exec: local,
				Summary: "Answers the id of the cluster's only shard"},
			{Name: "nodes", Flags: stale, Group: group, Since: "3.0.0", Cost: perNode, Tips: varies, Exec: local,
				Summary: "Describes the nodes, one a line"},
			{Name: "replicas", Flags: admin, Group: group, Since: "5.0.0", Cost: "O(1)", Tips: varies, Exec: local,
				Syntax: "node-id", Summary: "Describes the followers of the leader"},
			{Name: "replicate", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Syntax: "<node-id | NO ONE>", Summary: "Takes this node's vote, so that it only follows the leader, or gives it back"},
			{Name: "reset", Flags: admin | command.FlagNoScript, Group: group, Since: "3.0.0", Exec: local,
				Cost: "O(1)", Syntax: "[HARD | SOFT]", Summary: "Is refused: a node starts afresh in an empty directory"},
			{Name: "saveconfig", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Summary: "Answers OK: the configuration is on disk at all times"},
			{Name: "set-config-epoch", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Syntax: "config-epoch:integer", Summary: "Is refused: the epoch is Raft's term"},
			{Name: "setslot", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: local,
				Syntax: "slot:integer <IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>", Summary: "Is refused: the leader has every slot"},
			{Name: "shards", Flags: stale, Group: group, Since: "7.0.0", Cost: perNode, Tips: varies, Exec: local,
				Summary: "Answers the slots and nodes of the cluster's only shard"},
			{Name: "slaves", Flags: admin, Group: group, Since: "3.0.0", Cost: "O(1)", Tips: varies, Exec: local,
				Syntax: "node-id", Summary: "Is REPLICAS by its old name"},
			{Name: "slots", Flags: stale, Group: group, Since: "3.0.0", Cost: perNode, Tips: varies, Exec: local,
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
