package command

import (
	"slices"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
)

// keyRows are the commands on keys of any type and on whole databases.
func keyRows() []Spec {
	return slices.Concat(existenceRows(), expireRows(), ttlRows(), iterationRows(), renameRows(), databaseRows(), objectRows())
}

func existenceRows() []Spec {
	return []Spec{
		{Name: "del", Flags: FlagWrite, Keys: []KeySpec{{Index: 1, Last: -1, Step: 1, Access: "RM DELETE"}},
			Group: "generic", Since: "1.0.0", Cost: "O(N) where N is the number of keys", Syntax: "key:key [key:key ...]",
			Summary: "Removes keys and says how many of them there were", Exec: Write(raw, runDel)},
		{Name: "unlink", Flags: FlagWrite | FlagFast, Keys: []KeySpec{{Index: 1, Last: -1, Step: 1, Access: "RM DELETE"}},
			Group: "generic", Since: "4.0.0", Cost: "O(N) where N is the number of keys", Syntax: "key:key [key:key ...]",
			Summary: "Removes keys like DEL, which never waits for memory to be freed either", Exec: Write(raw, runDel)},
		{Name: "exists", Flags: FlagReadOnly | FlagFast, Keys: []KeySpec{{Index: 1, Last: -1, Step: 1, Access: "RO"}},
			Group: "generic", Since: "1.0.0", Cost: "O(N) where N is the number of keys", Syntax: "key:key [key:key ...]",
			Summary: "Counts how many of the named keys exist, a key as often as it is named", Exec: Read(raw, runExists)},
		{Name: "touch", Flags: FlagReadOnly | FlagFast, Keys: []KeySpec{{Index: 1, Last: -1, Step: 1, Access: "RO"}},
			Group: "generic", Since: "3.2.1", Cost: "O(N) where N is the number of keys", Syntax: "key:key [key:key ...]",
			Summary: "Counts like EXISTS; reads leave no mark that could be renewed", Exec: Read(raw, runExists)},
		{Name: "type", Flags: FlagReadOnly | FlagFast, Keys: []KeySpec{{Index: 1, Step: 1, Access: "RO"}},
			Group: "generic", Since: "1.0.0", Cost: "O(1)", Syntax: "key:key",
			Summary: "Names the type of the value at a key, or none", Exec: Read(raw, runType)},
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
