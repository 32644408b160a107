// Package hash is the Redis hash type: fields with values. They are kept as storage/elements says; a hash of up to
// MaxEntries fields, whose entries have up to MaxEntryBytes bytes, is in one row.
package hash

import (
	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/layout"
)

// The limits of a hash that is kept in one row.
const (
	MaxEntries    = 128
	MaxEntryBytes = 8 << 10
)

func form() elements.Form {
	return elements.Form{Type: layout.Hash, Values: true, MaxEntries: MaxEntries, MaxEntryBytes: MaxEntryBytes}
}

// Hash is a hash for who reads it: the names of its elements are fields.
type Hash struct{ elements.Collection }

// Lookup returns the hash at key; it has no fields when the key is absent. isHash is false when the key holds another
// type.
func Lookup(r storage.Reader, db uint8, key []byte) (h Hash, isHash bool, err error) {
	h.Collection, isHash, err = form().Lookup(r, db, key)
	return h, isHash, err
}

// Of returns the hash of which row is the key row.
func Of(r storage.Reader, db uint8, row layout.Row) (h Hash, err error) {
	h.Collection, err = form().Of(r, db, row)
	return h, err
}

// Past returns the most fields that the hash has had at one time since its key is there, and the length of the longest
// field or value that it was given.
func (h *Hash) Past() (most, longest uint64) { return h.Most, h.Head.Past }

// Edit is a hash in a transaction: what is there, and the means to change it. What is changed counts once it is saved.
type Edit struct{ elements.Edit }

// Open returns the hash at key, of which the edit keeps the name; it has no fields when the key is absent. isHash is
// false when the key holds another type.
func Open(t *storage.Txn, db uint8, key []byte) (e Edit, isHash bool, err error) {
	e.Edit, isHash, err = form().Open(t, db, key)
	return e, isHash, err
}

// SetField gives the field a value. It keeps what it has to of the past.
func (e *Edit) SetField(f *elements.Item, value []byte) error {
	e.Past = max(e.Past, uint64(len(f.Name)), uint64(len(value)))
	return e.Put(f, value)
}
