// Package str is the Redis string type, as functions over a reader or a transaction, and what its commands do to
// bytes and numbers, as pure functions. A string's bytes are the payload of its key row.
package str

import (
	"slices"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// Get returns the bytes of the string at key. ok is false when the key is absent; isString is false when it holds
// another type. The bytes must not be changed.
func Get(r storage.Reader, db uint8, key []byte) (value []byte, ok, isString bool, err error) {
	row, ok, err := keys.Lookup(r, db, key)
	return row.Payload, ok, !ok || row.Type == layout.String, err
}

// Put makes value the string of the key s, whatever is there now. version is the version of the new row; expireAt
// is in Unix milliseconds, 0 is never, and a time that has come removes the key.
func Put(s *keys.Handle, version uint64, value []byte, expireAt int64) error {
	return PutAs(s, layout.AsSet, version, value, expireAt)
}

// PutAs is Put for a command that leaves an encoding of its own.
func PutAs(s *keys.Handle, as layout.Encoding, version uint64, value []byte, expireAt int64) error {
	return s.Put(layout.Row{Type: layout.String, Encoding: as, Version: version, ExpireAt: expireAt, Payload: value})
}

// Range returns the bytes of value from start to end, both included; negative positions count from the end, -1 being
// the last byte. Positions outside are moved to the nearest byte, so that Range of "abc" from 0 to -9 is "a", as in
// Redis. The result aliases value.
func Range(value []byte, start, end int64) []byte {
	size := int64(len(value))
	if size == 0 || (start < 0 && end < 0 && start > end) {
		return nil
	}
	if start < 0 {
		start = max(start+size, 0)
	}
	if end < 0 {
		end = max(end+size, 0)
	}
	end = min(end, size-1)
	if start > end {
		return nil
	}
	return value[start : end+1]
}

// SetRange returns a copy of value with patch written over it at offset; zero bytes fill a gap.
func SetRange(value []byte, offset int, patch []byte) []byte {
	b := make([]byte, max(len(value), offset+len(patch)))
	copy(b, value)
	copy(b[offset:], patch)
	return b
}

// Append returns value followed by suffix, in memory of its own.
func Append(value, suffix []byte) []byte { return slices.Concat(value, suffix) }
