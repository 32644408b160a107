package resp

import "cairn/fsm/command"

func serverRows() []command.Spec         { return nil }
func serverHandlers() map[string]handler { return nil }
