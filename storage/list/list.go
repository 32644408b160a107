// Package list is the Redis list type: texts in an order, found by their index. They are the entries of a storage/tree,
// by rank: a list that fits into one leaf is in its key row, and of a larger one the ends and the middle cost alike.
package list

import (
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

// Edit is a list in a transaction: what is there, and the means to change it. What is changed counts once it is saved.
type Edit struct {
	*tree.Edit
	key *keys.Handle
	row layout.Row
}

// Open returns the list at key, of which the edit keeps the name; it has no elements when the key is absent. isList is
// false when the key holds another type.
func Open(t *storage.Txn, db uint8, key []byte) (e Edit, isList bool, err error) {
	h, err := keys.Open(t, db, key)
	if err != nil {
		return e, true, err
	}
	e.key, e.row = &h, h.Row
	var root []byte
	switch {
	case !h.Live:
		e.row.Type = layout.List
	case h.Row.Type != layout.List:
		return e, false, nil
	default:
		root, err = parsePayload(h.Row.Payload)
	}
	if err == nil {
		e.Edit, err = tree.Open(t, e.key, root)
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
		_, err := e.key.Remove()
		return err
	}
	e.row.Version = version
	return e.Edit.Save(e.row, []byte{payloadFormat})
}

// Last is a rank behind the last of every list.
const Last = math.MaxUint64
