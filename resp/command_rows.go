package resp

import (
	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// commandRows returns COMMAND and its subcommands.
func commandRows() []command.Spec {
	const (
		any       = command.FlagLoading | command.FlagStale
		unordered = "nondeterministic_output_order"
		perName   = "O(N) where N is the number of commands to look up"
		perWord   = "O(N) where N is the number of arguments to the command"
		perRow    = "O(N) where N is the number of commands"
	)
	return []command.Spec{{
		Name: "command", Flags: any, Group: "server", ACL: "connection", Since: "2.8.13", Cost: perRow, Tips: unordered,
		Summary: "Describes every command", Exec: handler(runCommand),
		Subs: []command.Spec{
			{Name: "count", Flags: any, Group: "server", ACL: "connection", Since: "2.8.13", Cost: "O(1)",
				Summary: "Counts the commands", Exec: handler(runCommandCount)},
			{Name: "docs", Flags: any, Group: "server", ACL: "connection", Since: "7.0.0", Cost: perName, Tips: unordered,
				Syntax: "[command-name ...]", Summary: "Documents the named commands, or all", Exec: handler(runCommandDocs)},
			{Name: "getkeys", Flags: any, Group: "server", ACL: "connection", Since: "2.8.13", Cost: perWord,
				Syntax: "command arg [arg ...]", Summary: "Lists the keys of a full command", Exec: handler(runCommandGetKeys)},
			{Name: "getkeysandflags", Flags: any, Group: "server", ACL: "connection", Since: "7.0.0", Cost: perWord,
				Syntax: "command arg [arg ...]", Summary: "Lists the keys of a full command and what it does to them",
				Exec: handler(runCommandGetKeysAndFlags)},
			{Name: "help", Flags: any, Group: "server", ACL: "connection", Since: "5.0.0", Cost: "O(1)",
				Summary: "Describes the subcommands", Exec: handler(runCommandHelp)},
			{Name: "info", Flags: any, Group: "server", ACL: "connection", Since: "2.8.13", Cost: perName, Tips: unordered,
				Syntax: "[command-name ...]", Summary: "Describes the named commands, or all", Exec: handler(runCommandInfo)},
			{Name: "list", Flags: any, Group: "server", ACL: "connection", Since: "7.0.0", Cost: perRow, Tips: unordered,
				Syntax:  "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern:pattern>]",
				Summary: "Names all commands, or those that a filter lets through", Exec: handler(runCommandList)},
		},
	}}
}

func runCommandHelp(c *conn, _ [][]byte) reply.Reply { return help(c.srv.table, "command") }
