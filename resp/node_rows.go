package resp

import "cairn/fsm/command"

// nodeRows are the commands that the node answers whatever the keyspace holds.
func nodeRows() []command.Spec {
	return append(serverRows(), []command.Spec{
		{Name: "wait", Flags: command.FlagNoScript, Group: "generic", Since: "3.0.0", Cost: "O(1)",
			Tips: "request_policy:all_shards response_policy:agg_min", ACL: "connection", Syntax: "numreplicas:integer timeout:integer",
			Summary: "Waits until followers hold the writes acknowledged before and says how many do", Exec: handler(runWait)},
		{Name: "role", Flags: command.FlagNoScript | anytime | command.FlagFast, Group: "server", Since: "2.8.12", Cost: "O(1)",
			ACL:     "admin dangerous",
			Summary: "Says whether this node leads, and who follows or leads it", Exec: handler(runRole)},
		{Name: "readonly", Flags: anytime | command.FlagFast, Group: "cluster", Since: "3.0.0", Cost: "O(1)",
			ACL:     "connection",
			Summary: "Lets the connection read this node's own state, which may be a little old", Exec: handler(runReadOnly)},
		{Name: "readwrite", Flags: anytime | command.FlagFast, Group: "cluster", Since: "3.0.0", Cost: "O(1)",
			ACL:     "connection",
			Summary: "Ends READONLY", Exec: handler(runReadWrite)},
		{Name: "asking", Flags: command.FlagFast, Group: "cluster", Since: "3.0.0", Cost: "O(1)", ACL: "connection",
			Summary: "Is understood, but slots never move here", Exec: handler(runAsking)},
	}...)
}

func serverRows() []command.Spec {
	return []command.Spec{
		configRow(),
		{Name: "info", Flags: anytime, Group: "server", Since: "1.0.0", Cost: "O(1)",
			Tips: "nondeterministic_output request_policy:all_shards response_policy:special", ACL: "dangerous", Syntax: "[section [section ...]]",
			Summary: "Describes the node in sections", Exec: handler(runInfo)},
		{Name: "time", Flags: anytime | command.FlagFast, Group: "server", Since: "2.6.0", Cost: "O(1)",
			Tips:    "nondeterministic_output",
			Summary: "Answers this node's clock in seconds and microseconds", Exec: handler(runTime)},
		{Name: "lolwut", Flags: command.FlagReadOnly | command.FlagFast, Group: "server", Since: "5.0.0", Cost: "O(1)",
			Syntax: "[VERSION version:integer]", Summary: "Answers a little picture and the version", Exec: handler(runLolwut)},
		{Name: "shutdown", Group: "server", Since: "1.0.0", Cost: "O(1)", Syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
			Flags:   command.FlagAdmin | command.FlagNoScript | anytime | command.FlagNoMulti | command.FlagAllowBusy,
			Summary: "Stops this node in good order", Exec: handler(runShutdown)},
	}
}
