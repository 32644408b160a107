package resp

import (
	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// The errors of COMMAND GETKEYS.
const (
	errNoSuchCommand reply.UserError = "ERR Invalid command specified"
	errKeyless       reply.UserError = "ERR The command has no key arguments"
	errWrongWords    reply.UserError = "ERR Invalid number of arguments specified for command"
	errNoKeys        reply.UserError = "ERR Invalid arguments specified for command"
)

func runCommandGetKeys(c *conn, argv [][]byte) reply.Reply {
	return keysOf(c.srv.table, argv[2:], func(_ string, key []byte) reply.Reply { return reply.BulkBytes(key) })
}

func runCommandGetKeysAndFlags(c *conn, argv [][]byte) reply.Reply {
	return keysOf(c.srv.table, argv[2:], func(access string, key []byte) reply.Reply {
		return reply.ArrayOf(reply.BulkBytes(key), accessOf(access))
	})
}

// keysOf answers what show makes of each key of a call. The call's words need not be right beyond their number.
func keysOf(t *command.Table, call [][]byte, show func(access string, key []byte) reply.Reply) reply.Reply {
	row, ok := t.Lookup(call[0])
	if ok && len(row.Subs) > 0 && len(call) > 1 {
		row = findSub(row, call[1])
	}
	switch {
	case row == nil:
		return errNoSuchCommand.Reply()
	case !row.HasKeys():
		return errKeyless.Reply()
	case !row.ArityFits(len(call)):
		return errWrongWords.Reply()
	}
	var keys []reply.Reply
	for _, k := range row.KeysOf(call) {
		keys = append(keys, show(row.AccessOf(call, k), call[k.At]))
	}
	if len(keys) == 0 && row.Flags&command.FlagNoMandatoryKeys == 0 {
		return errNoKeys.Reply()
	}
	return reply.ArrayOf(keys...)
}
