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

// openString is str.Open for a command that changes a string: a key of another type is ErrWrongType.
func openString(env Env, t *storage.Txn, key []byte) (str.Edit, error) {
	s, isString, err := str.Open(t, env.DB, key)
	if err == nil && !isString {
		err = reply.ErrWrongType
	}
	return s, err
}

// readString is str.Lookup for a command that reads parts of a string: a key of another type is ErrWrongType.
func readString(env Env, r storage.Reader, key []byte) (v str.Value, ok bool, err error) {
	v, ok, isString, err := str.Lookup(r, env.DB, key)
	if err == nil && !isString {
		err = reply.ErrWrongType
	}
	return v, ok, err
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
func stringOrNil(s *str.Edit) (reply.Reply, error) {
	if !s.Live() {
		return reply.Nil(), nil
	}
	value, err := s.Bytes()
	return reply.BulkBytes(value), err
}

// valueOrNil answers what keys.Open found, a string or nothing.
func valueOrNil(env Env, t *storage.Txn, s keys.Handle) (reply.Reply, error) {
	if !s.Live {
		return reply.Nil(), nil
	}
	v, err := str.Of(t, env.DB, s.Row)
	if err != nil {
		return reply.Reply{}, err
	}
	value, err := v.Bytes()
	return reply.BulkBytes(value), err
}

func checkString(s keys.Handle) error {
	if s.Live && s.Row.Type != layout.String {
		return reply.ErrWrongType
	}
	return nil
}
