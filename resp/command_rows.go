package resp

import "cairn/fsm/command"

// commandRows returns COMMAND and its subcommands.
func commandRows() []command.Spec { return nil }

// commandHandlers returns what answers them.
func commandHandlers() map[string]handler { return nil }
