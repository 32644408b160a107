package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/str"
)

// pair is a key and the string it is to hold.
type pair struct{ key, value []byte }

// parsePairs returns the parse of MSET and MSETNX. Each key stands once in the result, with the last value given for
// it.
func parsePairs(name string) func([][]byte) ([]pair, error) {
	return func(argv [][]byte) ([]pair, error) {
		if len(argv)%2 == 0 {
			return nil, reply.WrongArity(name)
		}
		pairs := make([]pair, 0, len(argv)/2)
		at := make(map[string]int, len(argv)/2)
		for i := 1; i < len(argv); i += 2 {
			key, value := argv[i], argv[i+1]
			if k, again := at[string(key)]; again {
				pairs[k].value = value
				continue
			}
			at[string(key)] = len(pairs)
			pairs = append(pairs, pair{key, value})
		}
		return pairs, nil
	}
}

func runMSet(env Env, t *storage.Txn, pairs []pair) (reply.Reply, error) {
	for _, p := range pairs {
		s, err := keys.Open(t, env.DB, p.key)
		if err != nil {
			return reply.Reply{}, err
		}
		if err := str.Put(&s, env.Version, p.value, 0); err != nil {
			return reply.Reply{}, err
		}
	}
	return reply.OK(), nil
}

func runMSetNX(env Env, t *storage.Txn, pairs []pair) (reply.Reply, error) {
	slots := make([]keys.Handle, len(pairs))
	for i, p := range pairs {
		s, err := keys.Open(t, env.DB, p.key)
		if err != nil || s.Live {
			return reply.Int(0), err
		}
		slots[i] = s
	}
	for i, p := range pairs {
		if err := str.Put(&slots[i], env.Version, p.value, 0); err != nil {
			return reply.Reply{}, err
		}
	}
	return reply.Int(1), nil
}
