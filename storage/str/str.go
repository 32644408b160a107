// Package str is the Redis string type, as functions over a reader or a transaction. A string's bytes are the payload of its
// key row.
package str

import (
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// Get returns the bytes of the string at key. ok is false when the key is absent; isString is false when it holds another
// type. The bytes must not be changed.
func Get(r storage.Reader, db uint8, key []byte) (value []byte, ok, isString bool, err error) {
	row, ok, err := keys.Lookup(r, db, key)
	return row.Payload, ok, !ok || row.Type == layout.String, err
}
