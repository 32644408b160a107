package command

import (
	"bytes"

	"cairn/fsm/reply"
	"cairn/storage"
)

func hashReadRows() []Spec {
	return []Spec{
		{Name: "hget", Summary: "Returns the value of a field of a hash", Exec: Read(raw, runHGet)},
		{Name: "hmget", Summary: "Returns the values of fields of a hash",
			Cost: "where N is the number of fields", Exec: Read(raw, runHMGet)},
		{Name: "hexists", Summary: "Tells whether a hash has a field", Exec: Read(raw, runHExists)},
		{Name: "hstrlen", Summary: "Returns the length of the value of a field of a hash", Exec: Read(raw, runHStrLen)},
		{Name: "hlen", Summary: "Counts the fields of a hash", Exec: Read(raw, runHLen)},
		{Name: "hgetall", Summary: "Returns all fields of a hash with their values",
			Cost: "where N is the number of fields", Exec: Read(raw, runHGetAll)},
		{Name: "hkeys", Summary: "Returns all fields of a hash", Cost: "where N is the number of fields", Exec: Read(raw, runHKeys)},
		{Name: "hvals", Summary: "Returns the values of all fields of a hash",
			Cost: "where N is the number of fields", Exec: Read(raw, runHVals)},
	}
}

func runHGet(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	value, err := getField(env, r, argv[1], argv[2])
	return bulkOrNil(value), err
}

func runHMGet(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	h, err := readHash(env, r, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	values, size := make([]reply.Reply, 0, len(argv)-2), 0
	for _, field := range argv[2:] {
		var value []byte
		if h.Len() > 0 {
			if value, err = h.Get(field); err != nil {
				return reply.Reply{}, err
			}
		}
		if size += len(value); size > maxReplyBytes {
			return reply.Reply{}, errLongHash
		}
		values = append(values, bulkOrNil(value))
	}
	return reply.ArrayOf(values...), nil
}

func runHExists(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	value, err := getField(env, r, argv[1], argv[2])
	return reply.Flag(value != nil), err
}

func runHStrLen(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	value, err := getField(env, r, argv[1], argv[2])
	return reply.Int(int64(len(value))), err
}

func runHLen(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	h, err := readHash(env, r, argv[1])
	return reply.Int(int64(h.Len())), err
}

func runHGetAll(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	found, err := hashTexts(env, r, argv[1], true, true)
	return reply.MapOf(found...), err
}

func runHKeys(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	found, err := hashTexts(env, r, argv[1], true, false)
	return reply.ArrayOf(found...), err
}

func runHVals(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	found, err := hashTexts(env, r, argv[1], false, true)
	return reply.ArrayOf(found...), err
}

// errLongHash says that an answer would have more than maxReplyBytes in memory.
const errLongHash reply.UserError = "ERR the reply would be longer than 256 MiB, ask for fewer fields at a time, or use HSCAN"

// elemBytes is what an element of an answer costs beside its bytes, about.
const elemBytes = 72

// hashTexts returns the fields of a hash, their values, or both in turns.
func hashTexts(env Env, r storage.Reader, key []byte, fields, values bool) (found []reply.Reply, err error) {
	h, err := readHash(env, r, key)
	if err != nil || h.Len() == 0 {
		return nil, err
	}
	found, size := make([]reply.Reply, 0, min(h.Len(), 1<<16)), 0
	add := func(text []byte) {
		if h.Large() {
			text = bytes.Clone(text)
		}
		found, size = append(found, reply.BulkBytes(text)), size+elemBytes+len(text)
	}
	err = h.Walk(func(field, value []byte) (bool, error) {
		if fields {
			add(field)
		}
		if values {
			add(value)
		}
		if size > maxReplyBytes {
			return false, errLongHash
		}
		return true, nil
	})
	return found, err
}
