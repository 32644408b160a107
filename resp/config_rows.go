package resp

import "cairn/fsm/command"

func configRow() command.Spec {
	return command.Spec{Name: "config", Summary: "Shows and changes this node's configuration",
		Subs: []command.Spec{
			{Name: "get", Summary: "Answers the parameters whose names match a pattern",
				Cost: "where N is the number of parameters", Exec: handler(runConfigGet)},
			{Name: "set", Summary: "Changes parameters until the node stops, all of them or none",
				Cost: "where N is the number of parameters", Exec: handler(runConfigSet)},
			{Name: "resetstat", Summary: "Makes the counters of INFO begin anew", Exec: handler(runConfigResetStat)},
			{Name: "rewrite", Summary: "Is an error: there is no configuration file", Exec: handler(runConfigRewrite)},
			{Name: "help", Summary: "Describes the subcommands", Exec: handler(runConfigHelp)},
		},
	}
}
