// Package str is the Redis string type, as functions over a reader or a transaction, and what its commands do to
// bytes, bits and numbers, as pure functions. A string's bytes are the payload of its key row, or pages, see Value.
package str

import (
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// Get returns the bytes of the string at key. ok is false when the key is absent; isString is false when it holds
// another type. The bytes must not be changed.
func Get(r storage.Reader, db uint8, key []byte) (value []byte, ok, isString bool, err error) {
	v, ok, isString, err := Lookup(r, db, key)
	if err != nil || !ok || !isString {
		return nil, ok, isString, err
	}
	value, err = v.Bytes()
	return value, true, true, err
}

// Put makes value the string of the key s, whatever is there now. version is the version of the new row; expireAt
// is in Unix milliseconds, 0 is never, and a time that has come removes the key.
func Put(s *keys.Handle, version uint64, value []byte, expireAt int64) error {
	return PutAs(s, layout.AsSet, version, value, expireAt)
}

// PutAs is Put for a command that leaves an encoding of its own.
func PutAs(s *keys.Handle, as layout.Encoding, version uint64, value []byte, expireAt int64) error {
	row := layout.Row{Type: layout.String, Encoding: as, Version: version, ExpireAt: expireAt, Payload: value}
	if len(value) >= MaxWhole {
		row.Parts = s.NewParts()
		return putPages(s, row, value)
	}
	return s.Put(row)
}

// Span returns which bytes of a string of size bytes are those from start to end, both included, as from and before to;
// negative positions count from the end, -1 being the last byte. Positions outside are moved to the nearest byte, so
// that the span of "abc" from 0 to -9 is "a", as in Redis.
func Span(size int, start, end int64) (from, to int) {
	if start < 0 && end < 0 && start > end {
		return 0, 0
	}
	return Clip(size, start, end)
}

// Clip is Span, but that two negative positions in the wrong order may meet at the first byte.
func Clip(size int, start, end int64) (from, to int) {
	n := int64(size)
	if n == 0 {
		return 0, 0
	}
	if start < 0 {
		start = max(start+n, 0)
	}
	if end < 0 {
		end = max(end+n, 0)
	}
	end = min(end, n-1)
	if start > end {
		return 0, 0
	}
	return int(start), int(end + 1)
}

// SetRange returns a copy of value with patch written over it at offset; zero bytes fill a gap.
func SetRange(value []byte, offset int, patch []byte) []byte {
	b := make([]byte, max(len(value), offset+len(patch)))
	copy(b, value)
	copy(b[offset:], patch)
	return b
}
