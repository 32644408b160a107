package command

import (
	"bytes"
	"slices"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/set"
)

func setRows() []Spec {
	return slices.Concat(setWriteRows(), setReadRows(), setRandomRows(), setCombineRows())
}

// openSet is set.Open for a command that changes a set: a key of another type is ErrWrongType.
func openSet(env Env, t *storage.Txn, key []byte) (set.Edit, error) {
	s, isSet, err := set.Open(t, env.DB, key)
	if err == nil && !isSet {
		err = reply.ErrWrongType
	}
	return s, err
}

// readSet is set.Lookup for a command that reads a set: a key of another type is ErrWrongType.
func readSet(env Env, r storage.Reader, key []byte) (set.Set, error) {
	s, isSet, err := set.Lookup(r, env.DB, key)
	if err == nil && !isSet {
		err = reply.ErrWrongType
	}
	return s, err
}

// members returns what a walk comes by. tooLong is the error where that takes more than most bytes of memory.
func members(walk set.Walk, most int, tooLong error) (found [][]byte, err error) {
	size := 0
	err = walk(func(member []byte) (bool, error) {
		if size += elemBytes + len(member); size > most {
			return false, tooLong
		}
		found = append(found, bytes.Clone(member))
		return true, nil
	})
	return found, err
}

// setOf answers members as a set.
func setOf(members [][]byte) reply.Reply {
	elems := make([]reply.Reply, len(members))
	for i, m := range members {
		elems[i] = reply.BulkBytes(m)
	}
	return reply.SetOf(elems...)
}
