package resp

import (
	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// commandRows returns COMMAND and its subcommands.
func commandRows() []command.Spec {
	return []command.Spec{{Name: "command", Summary: "Describes every command", Cost: "where N is the number of commands", Exec: handler(runCommand),
		Subs: []command.Spec{
			{Name: "count", Summary: "Counts the commands", Exec: handler(runCommandCount)},
			{Name: "docs", Summary: "Documents the named commands, or all",
				Cost: "where N is the number of commands to look up", Exec: handler(runCommandDocs)},
			{Name: "getkeys", Summary: "Lists the keys of a full command",
				Cost: "where N is the number of arguments to the command", Syntax: "command arg [arg ...]", Exec: handler(runCommandGetKeys)},
			{Name: "getkeysandflags", Summary: "Lists the keys of a full command and what it does to them",
				Cost: "where N is the number of arguments to the command", Syntax: "command arg [arg ...]", Exec: handler(runCommandGetKeysAndFlags)},
			{Name: "help", Summary: "Describes the subcommands", Exec: handler(runCommandHelp)},
			{Name: "info", Summary: "Describes the named commands, or all",
				Cost: "where N is the number of commands to look up", Exec: handler(runCommandInfo)},
			{Name: "list", Summary: "Names all commands, or those that a filter lets through",
				Cost: "where N is the number of commands", Exec: handler(runCommandList)},
		},
	}}
}

func runCommandHelp(c *conn, _ [][]byte) reply.Reply { return help(c.srv.table, "command") }
