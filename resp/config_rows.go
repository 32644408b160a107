package resp

import "cairn/fsm/command"

func configRow() command.Spec {
	const admin = command.FlagAdmin | command.FlagNoScript | anytime
	return command.Spec{
		Name: "config", Group: "server", Since: "2.0.0", Cost: "Depends on subcommand.",
		Summary: "Shows and changes this node's configuration",
		Subs: []command.Spec{
			{Name: "get", Flags: admin, Group: "server", Since: "2.0.0", Cost: "O(N) where N is the number of parameters",
				Syntax: "parameter [parameter ...]", Summary: "Answers the parameters whose names match a pattern", Exec: handler(runConfigGet)},
			{Name: "set", Flags: admin, Group: "server", Since: "2.0.0", Cost: "O(N) where N is the number of parameters",
				Tips:   "request_policy:all_nodes response_policy:all_succeeded",
				Syntax: "parameter value [parameter value ...]", Summary: "Changes parameters until the node stops, all of them or none",
				Exec: handler(runConfigSet)},
			{Name: "resetstat", Flags: admin, Group: "server", Since: "2.0.0", Cost: "O(1)",
				Summary: "Makes the counters of INFO begin anew", Exec: handler(runConfigResetStat)},
			{Name: "rewrite", Flags: admin, Group: "server", Since: "2.8.0", Cost: "O(1)",
				Summary: "Is an error: there is no configuration file", Exec: handler(runConfigRewrite)},
			{Name: "help", Flags: anytime, Group: "server", Since: "5.0.0", Cost: "O(1)",
				Summary: "Describes the subcommands", Exec: handler(runConfigHelp)},
		},
	}
}
