package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/str"
)

func stringRows() []Spec {
	return []Spec{
		{Name: "get", Arity: 2, Flags: FlagReadOnly | FlagFast, Keys: []KeySpec{{1, 1, 1, "RO ACCESS"}},
			Group: "string", Since: "1.0.0", Cost: "O(1)", Syntax: "key",
			Summary: "Returns the string value of a key", Exec: Read(raw, runGet)},
	}
}

func runGet(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	value, ok, isString, err := str.Get(r, env.DB, argv[1])
	switch {
	case err != nil:
		return reply.Reply{}, err
	case !isString:
		return reply.Reply{}, reply.ErrWrongType
	case !ok:
		return reply.Nil(), nil
	}
	return reply.BulkBytes(value), nil
}
