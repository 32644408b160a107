package resp

import (
	"strings"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

func clientRow() command.Spec {
	return command.Spec{Name: "client", Summary: "Shows and steers connections",
		Subs: append(clientOwnRows(), clientOtherRows()...),
	}
}

// clientOwnRows are the subcommands about the connection itself.
func clientOwnRows() []command.Spec {
	const flags = command.FlagNoScript | command.FlagLoading | command.FlagStale
	return []command.Spec{
		{Name: "id", Summary: "Answers the connection's number", Exec: handler(runClientID)},
		{Name: "info", Summary: "Describes the connection in one line", Exec: handler(runClientInfo)},
		{Name: "getname", Summary: "Answers the connection's name", Exec: handler(runClientGetName)},
		{Name: "setname", Summary: "Gives the connection a name, or takes it away", Exec: handler(runClientSetName)},
		{Name: "setinfo", Flags: flags, Group: "connection", Since: "7.2.0", Cost: "O(1)", ACL: "slow connection",
			Syntax:  "LIB-NAME libname | LIB-VER libver",
			Summary: "Says which client library speaks", Exec: handler(runClientSetInfo)},
		{Name: "reply", Summary: "Says whether calls are to be answered", Exec: handler(runClientReply)},
		{Name: "no-evict", Summary: "Is noted; no client is ever evicted for memory", Exec: handler(runClientNoEvict)},
		{Name: "no-touch", Flags: flags, Group: "connection", Since: "7.2.0", Cost: "O(1)", ACL: "slow connection",
			Syntax:  "ON | OFF",
			Summary: "Is noted; no read ever touches a key", Exec: handler(runClientNoTouch)},
		{Name: "help", Summary: "Describes the subcommands", Exec: handler(runClientHelp)},
	}
}

// clientOtherRows are the subcommands about other connections.
func clientOtherRows() []command.Spec {
	return []command.Spec{
		{Name: "list", Cost: "where N is the number of connections", Summary: "Describes connections, one a line",
			Exec: handler(runClientList)},
		{Name: "kill", Summary: "Closes the connections that all the filters name",
			Cost: "where N is the number of connections", Arity: -3, Exec: handler(runClientKill),
			Syntax: "ip:port | [ID client-id:integer] [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [USER username] [ADDR ip:port] " +
				"[LADDR ip:port] [SKIPME <yes | no>]"},
		{Name: "pause", Summary: "Lets this node's clients, or their writes, wait for a time in milliseconds",
			Exec: handler(runClientPause)},
		{Name: "unpause", Cost: "where N is the number of paused connections", Summary: "Ends a pause",
			Exec: handler(runClientUnpause)},
		{Name: "unblock", Cost: "O(1)", Summary: "Wakes a connection that waits in a blocking command",
			Exec: handler(runClientUnblock)},
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
