package resp

import (
	"cairn/fsm/command"
	"cairn/fsm/reply"
)

const flagNoAuth = command.FlagNoAuth

func hasFlag(s *command.Spec, f command.Flags) bool { return s.Flags&f != 0 }

func connectionRows() []command.Spec {
	return []command.Spec{
		{Name: "ping", Arity: -1, Flags: command.FlagFast, Group: "connection", Since: "1.0.0", Cost: "O(1)", Syntax: "[message]",
			Summary: "Answers PONG, or the message", Exec: command.Local{}},
	}
}

func connectionHandlers() map[string]handler {
	return map[string]handler{"ping": runPing}
}

func runPing(_ *conn, argv [][]byte) reply.Reply {
	switch len(argv) {
	case 1:
		return reply.Statusf("PONG")
	case 2:
		return reply.BulkBytes(argv[1])
	}
	return reply.WrongArity("ping").Reply()
}
