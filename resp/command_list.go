package resp

import (
	"slices"
	"strings"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// runCommandList names the commands, and after each its subcommands.
func runCommandList(c *conn, argv [][]byte) reply.Reply {
	keep, ok := listFilter(argv[2:])
	if !ok {
		return reply.ErrSyntax.Reply()
	}
	var names []reply.Reply
	add := func(name string, row *command.Spec) {
		if keep(name, row) {
			names = append(names, reply.BulkString(name))
		}
	}
	for _, row := range c.srv.table.All() {
		add(row.Name, &row)
		for i := range row.Subs {
			add(row.Name+"|"+row.Subs[i].Name, &row.Subs[i])
		}
	}
	return reply.ArrayOf(names...)
}

// listFilter reads what COMMAND LIST is to leave out. There are no modules; a category that there is not has no
// commands.
func listFilter(args [][]byte) (keep func(name string, row *command.Spec) bool, ok bool) {
	if len(args) == 0 {
		return func(string, *command.Spec) bool { return true }, true
	}
	if len(args) != 3 || !strings.EqualFold(string(args[0]), "FILTERBY") {
		return nil, false
	}
	word := string(args[2])
	switch strings.ToUpper(string(args[1])) {
	case "MODULE":
		return func(string, *command.Spec) bool { return false }, true
	case "ACLCAT":
		word = strings.ToLower(word)
		return func(_ string, row *command.Spec) bool { return slices.Contains(strings.Fields(row.ACL), word) }, true
	case "PATTERN":
		return func(name string, _ *command.Spec) bool { return command.MatchFold(word, name) }, true
	}
	return nil, false
}
