package resp

import "cairn/fsm/reply"

// clusterRefusals are the answers to the subcommands that would change the cluster: each says what to do instead.
func clusterRefusals() map[string]reply.UserError {
	const (
		slots = ": all slots belong to the leader, whichever node leads; there is nothing to assign"
		epoch = ": the epoch is Raft's term; only an election raises it"
	)
	return map[string]reply.UserError{
		"addslots":         "ERR CLUSTER ADDSLOTS is not needed" + slots,
		"addslotsrange":    "ERR CLUSTER ADDSLOTSRANGE is not needed" + slots,
		"delslots":         "ERR CLUSTER DELSLOTS is not possible" + slots,
		"delslotsrange":    "ERR CLUSTER DELSLOTSRANGE is not possible" + slots,
		"flushslots":       "ERR CLUSTER FLUSHSLOTS is not possible" + slots,
		"setslot":          "ERR CLUSTER SETSLOT is not possible" + slots,
		"bumpepoch":        "ERR CLUSTER BUMPEPOCH is not possible" + epoch,
		"set-config-epoch": "ERR CLUSTER SET-CONFIG-EPOCH is not possible" + epoch,
		"meet":             "ERR CLUSTER MEET is not supported yet: name all members in --peers when the cluster first starts",
		"forget":           "ERR CLUSTER FORGET is not supported yet: the members are those that --peers named when the cluster first started",
		"replicate":        "ERR CLUSTER REPLICATE is not supported yet: every member already follows the leader, and votes",
		"failover":         "ERR CLUSTER FAILOVER is not supported yet: stop the leader with SHUTDOWN or SIGTERM, and it hands leadership over first",
		"reset":            "ERR CLUSTER RESET is not supported: stop the node and start it in an empty directory",
	}
}

// runClusterSaveConfig has nothing to do: the configuration is an entry of the log, and that is on disk.
func runClusterSaveConfig(*conn, [][]byte) reply.Reply { return reply.OK() }
