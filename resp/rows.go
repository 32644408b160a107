package resp

import "cairn/fsm/command"

// Rows returns the row of every command that a client can call, in the order of the table.
func Rows() []command.Spec { return command.NewTable(command.Rows(), localRows()).All() }
