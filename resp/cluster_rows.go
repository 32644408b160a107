package resp

import (
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
	return []command.Spec{{
		Name: "cluster", Group: group, Since: "3.0.0", Cost: "Depends on subcommand.",
		Summary: "Shows the cluster as Redis clients know one",
		Subs: []command.Spec{
			{Name: "addslots", Flags: change, Group: group, Since: "3.0.0", Cost: perSlot, Exec: refusal("ADDSLOTS is not needed", whySlots),
				Syntax: "slot:integer [slot:integer ...]", Summary: "Is refused: the leader has every slot"},
			{Name: "addslotsrange", Flags: change, Group: group, Since: "7.0.0", Cost: perRange, Exec: refusal("ADDSLOTSRANGE is not needed", whySlots),
				Syntax: "start-slot:integer end-slot:integer [start-slot:integer end-slot:integer ...]", Summary: "Is refused: the leader has every slot"},
			{Name: "bumpepoch", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Tips: varies, Exec: refusal("BUMPEPOCH is not possible", whyEpoch),
				Summary: "Is refused: the epoch is Raft's term"},
			{Name: "count-failure-reports", Flags: admin, Group: group, Since: "3.0.0", Tips: varies, Exec: handler(runClusterFailureReports),
				Cost: "O(N) where N is the number of failure reports", Syntax: "node-id",
				Summary: "Answers 1 when this node does not hear from a node, else 0"},
			{Name: "countkeysinslot", Flags: stale, Group: group, Since: "3.0.0", Exec: handler(runClusterCountKeys),
				Cost: "O(N) where N is the number of keys in the slot", Syntax: "slot:integer",
				Summary: "Counts the keys of a hash slot in the current database"},
			{Name: "delslots", Flags: change, Group: group, Since: "3.0.0", Cost: perSlot, Exec: refusal("DELSLOTS is not possible", whySlots),
				Syntax: "slot:integer [slot:integer ...]", Summary: "Is refused: the leader has every slot"},
			{Name: "delslotsrange", Flags: change, Group: group, Since: "7.0.0", Cost: perRange, Exec: refusal("DELSLOTSRANGE is not possible", whySlots),
				Syntax: "start-slot:integer end-slot:integer [start-slot:integer end-slot:integer ...]", Summary: "Is refused: the leader has every slot"},
			{Name: "failover", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: handler(runClusterFailover),
				Syntax: "[FORCE | TAKEOVER]", Summary: "Makes this node the leader"},
			{Name: "flushslots", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: refusal("FLUSHSLOTS is not possible", whySlots),
				Summary: "Is refused: the leader has every slot"},
			{Name: "forget", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: handler(runClusterForget),
				Syntax: "node-id [FORCE]", Summary: "Removes a node from the cluster"},
			{Name: "getkeysinslot", Flags: stale, Group: group, Since: "3.0.0", Tips: varies, Exec: handler(runClusterGetKeys),
				Cost: "O(N) where N is the number of requested keys", Syntax: "slot:integer count:integer",
				Summary: "Lists keys of a hash slot in the current database, no more than a mebibyte of them"},
			{Name: "help", Flags: command.FlagLoading | stale, Group: group, Since: "5.0.0", Cost: "O(1)", Exec: handler(runClusterHelp),
				Summary: "Describes the subcommands"},
			{Name: "info", Flags: stale, Group: group, Since: "3.0.0", Cost: "O(1)", Tips: varies, Exec: handler(runClusterInfo),
				Summary: "Says how the cluster is"},
			{Name: "keyslot", Flags: stale, Group: group, Since: "3.0.0", Exec: handler(runClusterKeySlot),
				Cost: "O(N) where N is the number of bytes in the key", Syntax: "key", Summary: "Answers the hash slot of a key"},
			{Name: "links", Flags: stale, Group: group, Since: "7.0.0", Cost: perNode, Tips: varies, Exec: handler(runClusterLinks),
				Summary: "Lists the nodes that this node is linked with"},
			{Name: "meet", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: handler(runClusterMeet),
				Syntax: "ip port:integer [cluster_bus_port:integer]", Summary: "Lets a node that waits for a cluster join this one"},
			{Name: "myid", Flags: stale, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: handler(runClusterMyID),
				Summary: "Answers this node's id"},
			{Name: "myshardid", Flags: stale, Group: group, Since: "7.2.0", Cost: "O(1)", Exec: handler(runClusterMyShardID),
				Summary: "Answers the id of the cluster's only shard"},
			{Name: "nodes", Flags: stale, Group: group, Since: "3.0.0", Cost: perNode, Tips: varies, Exec: handler(runClusterNodes),
				Summary: "Describes the nodes, one a line"},
			{Name: "replicas", Flags: admin, Group: group, Since: "5.0.0", Cost: "O(1)", Tips: varies, Exec: handler(runClusterReplicas),
				Syntax: "node-id", Summary: "Describes the followers of the leader"},
			{Name: "replicate", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: handler(runClusterReplicate),
				Syntax: "<node-id | NO ONE>", Summary: "Takes this node's vote, so that it only follows the leader, or gives it back"},
			{Name: "reset", Flags: admin | command.FlagNoScript, Group: group, Since: "3.0.0", Exec: refusal("RESET is not supported", whyReset),
				Cost: "O(1)", Syntax: "[HARD | SOFT]", Summary: "Is refused: a node starts afresh in an empty directory"},
			{Name: "saveconfig", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: handler(runClusterSaveConfig),
				Summary: "Answers OK: the configuration is on disk at all times"},
			{Name: "set-config-epoch", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: refusal("SET-CONFIG-EPOCH is not possible", whyEpoch),
				Syntax: "config-epoch:integer", Summary: "Is refused: the epoch is Raft's term"},
			{Name: "setslot", Flags: change, Group: group, Since: "3.0.0", Cost: "O(1)", Exec: refusal("SETSLOT is not possible", whySlots),
				Syntax: "slot:integer <IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>", Summary: "Is refused: the leader has every slot"},
			{Name: "shards", Flags: stale, Group: group, Since: "7.0.0", Cost: perNode, Tips: varies, Exec: handler(runClusterShards),
				Summary: "Answers the slots and nodes of the cluster's only shard"},
			{Name: "slaves", Flags: admin, Group: group, Since: "3.0.0", Cost: "O(1)", Tips: varies, Exec: handler(runClusterReplicas),
				Syntax: "node-id", Summary: "Is REPLICAS by its old name"},
			{Name: "slots", Flags: stale, Group: group, Since: "3.0.0", Cost: perNode, Tips: varies, Exec: handler(runClusterSlots),
				Summary: "Answers which nodes have which slots, the leader first"},
		},
	}}
}

func runClusterHelp(c *conn, _ [][]byte) reply.Reply { return help(c.srv.table, "cluster") }
