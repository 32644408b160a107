package command

import (
	"slices"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/hash"
)

func hashRows() []Spec {
	return slices.Concat(hashWriteRows(), hashReadRows(), hashNumberRows(), hashWalkRows())
}

// pairFields says which words of a call are fields, where values stand between them.
var pairFields = &KeySpec{Index: 2, Last: -2, Step: 2}

// openHash is hash.Open for a command that changes a hash: a key of another type is ErrWrongType.
func openHash(env Env, t *storage.Txn, key []byte) (hash.Edit, error) {
	h, isHash, err := hash.Open(t, env.DB, key)
	if err == nil && !isHash {
		err = reply.ErrWrongType
	}
	return h, err
}

// readHash is hash.Lookup for a command that reads a hash: a key of another type is ErrWrongType.
func readHash(env Env, r storage.Reader, key []byte) (hash.Hash, error) {
	h, isHash, err := hash.Lookup(r, env.DB, key)
	if err == nil && !isHash {
		err = reply.ErrWrongType
	}
	return h, err
}

// getField returns the value of a field, nil when the hash or the field is absent.
func getField(env Env, r storage.Reader, key, field []byte) ([]byte, error) {
	h, err := readHash(env, r, key)
	if err != nil || h.Len() == 0 {
		return nil, err
	}
	return h.Get(field)
}

// bulkOrNil answers what getField has found.
func bulkOrNil(value []byte) reply.Reply {
	if value == nil {
		return reply.Nil()
	}
	return reply.BulkBytes(value)
}
