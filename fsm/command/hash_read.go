package command

import (
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
			Cost: "where N is the number of fields", Exec: List(hashTexts(reply.Map, true, true))},
		{Name: "hkeys", Summary: "Returns all fields of a hash", Cost: "where N is the number of fields", Exec: List(hashTexts(reply.Array, true, false))},
		{Name: "hvals", Summary: "Returns the values of all fields of a hash",
			Cost: "where N is the number of fields", Exec: List(hashTexts(reply.Array, false, true))},
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
			return reply.Reply{}, errLongReply
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

// hashTexts makes what HGETALL, HKEYS and HVALS answer: the fields of a hash, their values, or both in turns.
func hashTexts(kind reply.Kind, fields, values bool) func(env Env, r storage.Reader, argv [][]byte) (Elements, error) {
	return func(env Env, r storage.Reader, argv [][]byte) (Elements, error) {
		h, err := readHash(env, r, argv[1])
		if err != nil {
			return Elements{}, err
		}
		found := Elements{Kind: kind, Len: int(h.Len())}
		if fields && values {
			found.Len *= 2
		}
		found.Each = func(yield func(reply.Reply) error) error {
			return h.Walk(func(field, value []byte) (bool, error) {
				if fields {
					if err := yield(reply.BulkBytes(field)); err != nil {
						return false, err
					}
				}
				if values {
					return true, yield(reply.BulkBytes(value))
				}
				return true, nil
			})
		}
		return found, nil
	}
}
