package resp

import "cairn/fsm/command"

// clusterRows returns CLUSTER and its subcommands.
func clusterRows() []command.Spec { return nil }

// clusterHandlers returns what answers them.
func clusterHandlers() map[string]handler { return nil }
