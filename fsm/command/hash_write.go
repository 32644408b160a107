package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
)

func hashWriteRows() []Spec {
	return []Spec{
		{Name: "hset", Parts: pairFields, Summary: "Gives fields of a hash their values and counts the new ones",
			Cost: "for each field, but that a hash of one row is written anew", Exec: Write(parseFields("hset"), runHSet)},
		{Name: "hmset", Parts: pairFields, Summary: "Gives fields of a hash their values (HSET does the same)",
			Cost: "where N is the number of fields", Exec: Write(parseFields("hmset"), runHMSet)},
		{Name: "hsetnx", Parts: oneElement, Summary: "Gives a field of a hash a value unless it has one", Exec: Write(raw, runHSetNX)},
		{Name: "hdel", Parts: allElements, Summary: "Removes fields from a hash and counts those that were there",
			Cost: "where N is the number of fields", Exec: Write(raw, runHDel)},
	}
}

// parseFields returns the parse of HSET and HMSET, whose fields and values come two and two.
func parseFields(name string) func([][]byte) ([][]byte, error) {
	return func(argv [][]byte) ([][]byte, error) {
		if len(argv)%2 != 0 {
			return nil, reply.WrongArity(name)
		}
		return argv, nil
	}
}

func runHSet(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	h, err := openHash(env, t, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	had := h.Len()
	for pairs := argv[2:]; len(pairs) > 0; pairs = pairs[2:] {
		f, err := h.Item(pairs[0])
		if err != nil {
			return reply.Reply{}, err
		}
		if err := h.SetField(&f, pairs[1]); err != nil {
			return reply.Reply{}, err
		}
	}
	return reply.Int(int64(h.Len() - had)), h.Save(env.Version)
}

func runHMSet(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	_, err := runHSet(env, t, argv)
	return reply.OK(), err
}

func runHSetNX(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	h, err := openHash(env, t, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	f, err := h.Item(argv[2])
	if err != nil || f.Value != nil {
		return reply.Int(0), err
	}
	if err := h.SetField(&f, argv[3]); err != nil {
		return reply.Reply{}, err
	}
	return reply.Int(1), h.Save(env.Version)
}

func runHDel(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	h, err := openHash(env, t, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	removed := int64(0)
	for _, field := range argv[2:] {
		if h.Len() == 0 {
			break
		}
		f, err := h.Item(field)
		if err != nil {
			return reply.Reply{}, err
		}
		if h.Drop(&f) {
			removed++
		}
	}
	if removed == 0 {
		return reply.Int(0), nil
	}
	return reply.Int(removed), h.Save(env.Version)
}
