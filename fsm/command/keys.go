package command

import (
	"slices"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
)

// keyRows are the commands on keys of any type and on whole databases.
func keyRows() []Spec {
	return slices.Concat(existenceRows(), expireRows(), ttlRows(), iterationRows(), renameRows(), databaseRows(), objectRows(), dumpRows(), memoryRows(), sortRows())
}

func existenceRows() []Spec {
	return []Spec{
		{Name: "del", Summary: "Removes keys and says how many of them there were",
			Cost: "where N is the number of keys", Exec: Write(raw, runDel)},
		{Name: "unlink", Summary: "Removes keys like DEL, which never waits for memory to be freed either",
			Cost: "O(N) where N is the number of keys", Exec: Write(raw, runDel)},
		{Name: "exists", Summary: "Counts how many of the named keys exist, a key as often as it is named",
			Cost: "where N is the number of keys", Exec: Read(raw, runExists)},
		{Name: "touch", Summary: "Counts like EXISTS; reads leave no mark that could be renewed",
			Cost: "where N is the number of keys", Exec: Read(raw, runExists)},
		{Name: "type", Summary: "Names the type of the value at a key, or none", Exec: Read(raw, runType)},
	}
}

func runDel(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	removed := int64(0)
	for _, key := range argv[1:] {
		s, err := keys.Open(t, env.DB, key)
		if err != nil {
			return reply.Reply{}, err
		}
		was, err := s.Remove()
		if err != nil {
			return reply.Reply{}, err
		}
		if was {
			removed++
		}
	}
	return reply.Int(removed), nil
}

func runExists(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	there := int64(0)
	for _, key := range argv[1:] {
		_, ok, err := keys.Lookup(r, env.DB, key)
		if err != nil {
			return reply.Reply{}, err
		}
		if ok {
			there++
		}
	}
	return reply.Int(there), nil
}

func runType(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	row, ok, err := keys.Lookup(r, env.DB, argv[1])
	switch {
	case err != nil:
		return reply.Reply{}, err
	case !ok:
		return reply.Statusf("none"), nil
	}
	return reply.Statusf(row.Type.String()), nil
}
