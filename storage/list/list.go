// Package list is the Redis list type: texts in an order, found by their index. They are the entries of a storage/tree,
// by rank: a list that fits into one leaf is in its key row, and of a larger one the ends and the middle cost alike.
package list

import (
	"bytes"
	"fmt"
	"math"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/tree"
)

// The payload of a list's key row:
//
//	1 uint8 | root of the tree
const payloadFormat = 1

var errPayload = fmt.Errorf("%w: payload of a list", layout.ErrCorrupt)

// parsePayload returns the root of the tree.
func parsePayload(b []byte) (root []byte, err error) {
	if len(b) < 2 || b[0] != payloadFormat {
		return nil, errPayload
	}
	return b[1:], nil
}

// List is a list for who reads it.
type List struct{ tree.Tree }

// Lookup returns the list at key; it has no elements when the key is absent. isList is false when the key holds another
// type.
func Lookup(r storage.Reader, db uint8, key []byte) (l List, isList bool, err error) {
	row, ok, err := keys.Lookup(r, db, key)
	switch {
	case err != nil:
		return l, true, err
	case !ok:
		l.Tree, err = tree.Read(r, db, row, nil)
		return l, true, err
	case row.Type != layout.List:
		return l, false, nil
	}
	if l, err = Of(r, db, row); err != nil {
		err = fmt.Errorf("list: key %x: %w", key, err)
	}
	return l, true, err
}

// Of returns the list of which row is the key row.
func Of(r storage.Reader, db uint8, row layout.Row) (l List, err error) {
	root, err := parsePayload(row.Payload)
	if err == nil {
		l.Tree, err = tree.Read(r, db, row, root)
	}
	return l, err
}

// Edit is a list in a transaction: what is there, and the means to change it. What is changed counts once it is saved;
// what is written to it without that must not be left. It may be written later, see storage.Txn.Defer.
type Edit struct {
	*tree.Edit
	t    *storage.Txn
	db   uint8
	name []byte
	key  keys.Handle
	row  layout.Row
}

// Open returns the list at key; it has no elements when the key is absent. isList is false when the key holds another
// type.
func Open(t *storage.Txn, db uint8, key []byte) (e *Edit, isList bool, err error) {
	if e, ok := t.Deferred().(*Edit); ok && e.db == db && bytes.Equal(e.name, key) {
		return e, true, nil
	}
	e = &Edit{t: t, db: db, name: bytes.Clone(key)}
	if e.key, err = keys.Open(t, db, e.name); err != nil {
		return e, true, err
	}
	e.row = e.key.Row
	var root []byte
	switch {
	case !e.key.Live:
		e.row.Type = layout.List
	case e.row.Type != layout.List:
		return e, false, nil
	default:
		root, err = parsePayload(e.row.Payload)
	}
	if err == nil {
		e.Edit, err = tree.Open(t, &e.key, root)
	}
	if err != nil {
		err = fmt.Errorf("list: key %x: %w", key, err)
	}
	return e, true, err
}

// Push adds an element at the front or the back.
func (e *Edit) Push(back bool, text []byte) error {
	rank := uint64(0)
	if back {
		rank = e.Entries()
	}
	return e.Insert(rank, text)
}

// Save makes what was changed the list at the key, which keeps its time to live; without elements there is no key.
// version is the version of the new row.
func (e *Edit) Save(version uint64) error {
	if e.Entries() == 0 {
		e.Clear()
		e.row = layout.Row{Type: layout.List} // of the list that may come to be here
	}
	e.row.Version = version
	e.Place(&e.row)
	return e.t.Defer(e)
}

// Flush implements storage.Deferred.
func (e *Edit) Flush() error {
	if e.Entries() > 0 {
		return e.Write(e.row, []byte{payloadFormat})
	}
	_, err := e.key.Remove()
	return err
}

// Last is a rank behind the last of every list.
const Last = math.MaxUint64
