package resp

import (
	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// clusterRows returns CLUSTER and its subcommands.
func clusterRows() []command.Spec {
	return []command.Spec{{Name: "cluster", Summary: "Shows the cluster as Redis clients know one",
		Subs: []command.Spec{
			{Name: "addslots", Summary: "Is refused: the leader has every slot",
				Cost: "where N is the total number of hash slot arguments", Exec: refusal("ADDSLOTS is not needed", whySlots)},
			{Name: "addslotsrange", Summary: "Is refused: the leader has every slot",
				Cost: "where N is the total number of the slots between the start slot and end slot arguments.", Exec: refusal("ADDSLOTSRANGE is not needed", whySlots)},
			{Name: "bumpepoch", Summary: "Is refused: the epoch is Raft's term", Exec: refusal("BUMPEPOCH is not possible", whyEpoch)},
			{Name: "count-failure-reports", Summary: "Answers 1 when this node does not hear from a node, else 0",
				Cost: "where N is the number of failure reports", Exec: handler(runClusterFailureReports)},
			{Name: "countkeysinslot", Summary: "Counts the keys of a hash slot in the current database",
				Cost: "O(N) where N is the number of keys in the slot", Exec: handler(runClusterCountKeys)},
			{Name: "delslots", Summary: "Is refused: the leader has every slot",
				Cost: "where N is the total number of hash slot arguments", Exec: refusal("DELSLOTS is not possible", whySlots)},
			{Name: "delslotsrange", Summary: "Is refused: the leader has every slot",
				Cost: "where N is the total number of the slots between the start slot and end slot arguments.", Exec: refusal("DELSLOTSRANGE is not possible", whySlots)},
			{Name: "failover", Summary: "Makes this node the leader", Exec: handler(runClusterFailover)},
			{Name: "flushslots", Summary: "Is refused: the leader has every slot", Exec: refusal("FLUSHSLOTS is not possible", whySlots)},
			{Name: "forget", Syntax: "node-id [FORCE]", Summary: "Removes a node from the cluster", Exec: handler(runClusterForget)},
			{Name: "getkeysinslot", Summary: "Lists keys of a hash slot in the current database, no more than a mebibyte of them",
				Cost: "O(N) where N is the number of requested keys", Exec: handler(runClusterGetKeys)},
			{Name: "help", Summary: "Describes the subcommands", Exec: handler(runClusterHelp)},
			{Name: "info", Summary: "Says how the cluster is", Exec: handler(runClusterInfo)},
			{Name: "keyslot", Cost: "where N is the number of bytes in the key", Summary: "Answers the hash slot of a key",
				Exec: handler(runClusterKeySlot)},
			{Name: "links", Summary: "Lists the nodes that this node is linked with",
				Cost: "where N is the total number of Cluster nodes", Exec: handler(runClusterLinks)},
			{Name: "meet", Summary: "Lets a node that waits for a cluster join this one", Exec: handler(runClusterMeet)},
			{Name: "myid", Summary: "Answers this node's id", Exec: handler(runClusterMyID)},
			{Name: "myshardid", Flags: command.FlagStale, Group: "cluster", Since: "7.2.0", Cost: "O(1)", ACL: "slow", Exec: handler(runClusterMyShardID),
				Summary: "Answers the id of the cluster's only shard"},
			{Name: "nodes", Summary: "Describes the nodes, one a line",
				Cost: "where N is the total number of Cluster nodes", Exec: handler(runClusterNodes)},
			{Name: "replicas", Summary: "Describes the followers of the leader", Exec: handler(runClusterReplicas)},
			{Name: "replicate", Summary: "Takes this node's vote, so that it only follows the leader, or gives it back",
				Syntax: "<node-id | NO ONE>", Exec: handler(runClusterReplicate)},
			{Name: "reset", Cost: "O(1)", Summary: "Is refused: a node starts afresh in an empty directory",
				Exec: refusal("RESET is not supported", whyReset)},
			{Name: "saveconfig", Summary: "Answers OK: the configuration is on disk at all times", Exec: handler(runClusterSaveConfig)},
			{Name: "set-config-epoch", Summary: "Is refused: the epoch is Raft's term",
				Exec: refusal("SET-CONFIG-EPOCH is not possible", whyEpoch)},
			{Name: "setslot", Summary: "Is refused: the leader has every slot", Exec: refusal("SETSLOT is not possible", whySlots)},
			{Name: "shards", Summary: "Answers the slots and nodes of the cluster's only shard",
				Cost: "where N is the total number of Cluster nodes", Exec: handler(runClusterShards)},
			{Name: "slaves", Summary: "Is REPLICAS by its old name", Exec: handler(runClusterReplicas)},
			{Name: "slots", Summary: "Answers which nodes have which slots, the leader first",
				Cost: "where N is the total number of Cluster nodes", Exec: handler(runClusterSlots)},
		},
	}}
}

func runClusterHelp(c *conn, _ [][]byte) reply.Reply { return help(c.srv.table, "cluster") }
