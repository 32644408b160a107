package resp

import (
	"strings"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

func clientRow() command.Spec {
	return command.Spec{
		Name: "client", Group: "connection", Since: "2.4.0", Cost: "Depends on subcommand.",
		Summary: "Shows and steers connections", Subs: append(clientOwnRows(), clientOtherRows()...),
	}
}

// clientOwnRows are the subcommands about the connection itself.
func clientOwnRows() []command.Spec {
	const own = command.FlagNoScript | anytime
	return []command.Spec{
		{Name: "id", Flags: own, Group: "connection", Since: "5.0.0", Cost: "O(1)",
			Summary: "Answers the connection's number", Exec: handler(runClientID)},
		{Name: "info", Flags: own, Group: "connection", Since: "6.2.0", Cost: "O(1)", Tips: "nondeterministic_output",
			Summary: "Describes the connection in one line", Exec: handler(runClientInfo)},
		{Name: "getname", Flags: own, Group: "connection", Since: "2.6.9", Cost: "O(1)",
			Summary: "Answers the connection's name", Exec: handler(runClientGetName)},
		{Name: "setname", Flags: own, Group: "connection", Since: "2.6.9", Cost: "O(1)", Syntax: "connection-name",
			Summary: "Gives the connection a name, or takes it away", Exec: handler(runClientSetName)},
		{Name: "setinfo", Flags: own, Group: "connection", Since: "7.2.0", Cost: "O(1)", Syntax: "LIB-NAME libname | LIB-VER libver",
			Summary: "Says which client library speaks", Exec: handler(runClientSetInfo)},
		{Name: "reply", Flags: own, Group: "connection", Since: "3.2.0", Cost: "O(1)", Syntax: "ON | OFF | SKIP",
			Summary: "Says whether calls are to be answered", Exec: handler(runClientReply)},
		{Name: "no-evict", Flags: command.FlagAdmin | own, Group: "connection", Since: "7.0.0", Cost: "O(1)", Syntax: "ON | OFF",
			Summary: "Is noted; no client is ever evicted for memory", Exec: handler(runClientNoEvict)},
		{Name: "no-touch", Flags: own, Group: "connection", Since: "7.2.0", Cost: "O(1)", Syntax: "ON | OFF",
			Summary: "Is noted; no read ever touches a key", Exec: handler(runClientNoTouch)},
		{Name: "help", Flags: anytime, Group: "connection", Since: "5.0.0", Cost: "O(1)",
			Summary: "Describes the subcommands", Exec: handler(runClientHelp)},
	}
}

// clientOtherRows are the subcommands about other connections.
func clientOtherRows() []command.Spec {
	const admin = command.FlagAdmin | command.FlagNoScript | anytime
	return []command.Spec{
		{Name: "list", Flags: admin, Group: "connection", Since: "2.4.0", Cost: "O(N) where N is the number of connections",
			Tips:    "nondeterministic_output",
			Syntax:  "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id:integer [client-id:integer ...]]",
			Summary: "Describes connections, one a line", Exec: handler(runClientList)},
		{Name: "kill", Arity: -3, Flags: admin, Group: "connection", Since: "2.4.0", Cost: "O(N) where N is the number of connections",
			Syntax: "ip:port | [ID client-id:integer] [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [USER username] [ADDR ip:port] " +
				"[LADDR ip:port] [SKIPME <yes | no>]",
			Summary: "Closes the connections that all the filters name", Exec: handler(runClientKill)},
		{Name: "pause", Flags: admin, Group: "connection", Since: "2.9.50", Cost: "O(1)", Syntax: "timeout:integer [WRITE | ALL]",
			Summary: "Lets this node's clients, or their writes, wait for a time in milliseconds", Exec: handler(runClientPause)},
		{Name: "unpause", Flags: admin, Group: "connection", Since: "6.2.0", Cost: "O(N) where N is the number of paused connections",
			Summary: "Ends a pause", Exec: handler(runClientUnpause)},
		{Name: "unblock", Flags: admin, Group: "connection", Since: "5.0.0", Cost: "O(1)", Syntax: "client-id:integer [TIMEOUT | ERROR]",
			Summary: "Wakes a connection that waits in a blocking command", Exec: handler(runClientUnblock)},
	}
}

func runClientHelp(c *conn, argv [][]byte) reply.Reply { return help(c.srv.table, "client") }

// help describes the subcommands of a container by its rows.
func help(t *command.Table, name string) reply.Reply {
	row, _ := t.Lookup([]byte(name))
	lines := []reply.Reply{reply.Statusf(strings.ToUpper(name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")}
	for _, sub := range row.Subs {
		lines = append(lines,
			reply.Statusf(strings.TrimRight(strings.ToUpper(sub.Name)+" "+sub.Usage(), " ")),
			reply.Statusf("    "+sub.Summary+"."))
	}
	return reply.ArrayOf(lines...)
}

// wrongSubcommand is what Redis answers to a subcommand whose handler finds too many words.
func wrongSubcommand(container string, word []byte) reply.Reply {
	return reply.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try %s HELP.", word, container).Reply()
}
