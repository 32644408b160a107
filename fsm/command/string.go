package command

import (
	"slices"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/str"
)

func stringRows() []Spec {
	return slices.Concat(stringSetRows(), stringGetRows(), stringNumberRows(), stringPartRows(), stringLCSRows())
}

// openString is keys.Open for a command that changes a string: a key of another type is ErrWrongType.
func openString(env Env, t *storage.Txn, key []byte) (keys.Handle, error) {
	s, err := keys.Open(t, env.DB, key)
	if err == nil {
		err = checkString(s)
	}
	return s, err
}

func checkString(s keys.Handle) error {
	if s.Live && s.Row.Type != layout.String {
		return reply.ErrWrongType
	}
	return nil
}

// getString is str.Get for a command that reads a string: a key of another type is ErrWrongType.
func getString(env Env, r storage.Reader, key []byte) (value []byte, ok bool, err error) {
	value, ok, isString, err := str.Get(r, env.DB, key)
	if err == nil && !isString {
		err = reply.ErrWrongType
	}
	return value, ok, err
}

// stringOrNil answers what openString found.
func stringOrNil(s keys.Handle) reply.Reply {
	if !s.Live {
		return reply.Nil()
	}
	return reply.BulkBytes(s.Row.Payload)
}

// replaceString writes value to the key at s, which keeps its time to live.
func replaceString(env Env, s *keys.Handle, as layout.Encoding, value []byte) error {
	return str.PutAs(s, as, env.Version, value, s.Row.ExpireAt)
}
