// Package hash is the Redis hash type: fields with values, as functions over a reader and a transaction.
//
// A hash of up to MaxEntries fields, whose entries have up to MaxEntryBytes bytes, is in the payload of its key row: it
// is found, and written, as a string of that length is. Each look-up passes the entries before the field, and each
// write makes the row anew, so that it must not be long; and below the limit a hash keeps its fields in their order, as
// Redis does for small ones. A hash that has once been larger is kept in parts, a row for each field, until it is gone,
// whatever is left of it: a hash whose size goes up and down at the limit is not turned over each time. The limits
// are part of the format, for all replicas must write the same.
//
// Where the fields of a large hash are follows from their CRC32C, so that HSCAN needs no memory, and HRANDFIELD no look
// at all of them.
package hash

import (
	"fmt"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// The limits of a hash that is kept in one row.
const (
	MaxEntries    = 128
	MaxEntryBytes = 8 << 10
)

// Hash is a hash for who reads it.
type Hash struct {
	r       storage.Reader
	db      uint8
	row     layout.Row
	head    head
	entries []byte
}

// Lookup returns the hash at key; it has no fields when the key is absent. isHash is false when the key holds another
// type.
func Lookup(r storage.Reader, db uint8, key []byte) (h Hash, isHash bool, err error) {
	row, ok, err := keys.Lookup(r, db, key)
	if err != nil || !ok {
		return Hash{}, true, err
	}
	if row.Type != layout.Hash {
		return Hash{}, false, nil
	}
	h, err = Of(r, db, row)
	if err != nil {
		err = fmt.Errorf("hash: key %x: %w", key, err)
	}
	return h, true, err
}

// Of returns the hash of which row is the key row.
func Of(r storage.Reader, db uint8, row layout.Row) (h Hash, err error) {
	h = Hash{r: r, db: db, row: row}
	h.head, h.entries, err = parseHead(row.Payload)
	return h, err
}

// Len returns the number of fields.
func (h *Hash) Len() uint64 { return h.head.fields }

// Large reports whether the hash is kept in parts.
func (h *Hash) Large() bool { return h.row.Parts != 0 }

// Past returns the most fields that the hash has had at one time since its key is there, and the length of the longest
// field or value that it was given.
func (h *Hash) Past() (most, longest uint64) { return h.head.most, h.head.longest }

// Get returns the value of a field, nil when there is none. It must not be changed.
func (h *Hash) Get(field []byte) (value []byte, err error) {
	if !h.Large() {
		e, err := findEntry(h.entries, field)
		return e.value, err
	}
	return keys.LookupPart(h.r, h.db, h.row, layout.AppendName(nil, field))
}

// Walk calls fn for the fields until it wants no more: of a small hash in the order in which they came, of a large one
// in that of their places. field and value are valid during the call; of a small hash, as long as h is.
func (h *Hash) Walk(fn func(field, value []byte) (more bool, err error)) error {
	if h.Large() {
		return h.walkParts(0, func(_ uint32, field, value []byte) (bool, error) { return fn(field, value) })
	}
	var e entry
	for at := 0; at < len(h.entries); at = e.end {
		var err error
		if e, err = entryAt(h.entries, at); err != nil {
			return err
		}
		if more, err := fn(e.field, e.value); err != nil || !more {
			return err
		}
	}
	return nil
}

// walkParts calls fn for the fields of a large hash, beginning at a place.
func (h *Hash) walkParts(from uint32, fn func(place uint32, field, value []byte) (more bool, err error)) error {
	return keys.WalkParts(h.r, h.db, h.row, layout.AppendNameHash(nil, from), func(name, value []byte) (bool, error) {
		place, field, err := layout.ParseName(name)
		if err != nil {
			return false, err
		}
		return fn(place, field, value)
	})
}

// Page is one step of an iteration that nobody remembers but the caller. It calls fn for the first limit fields at and
// behind a place of a large hash, or fewer when fn says that it wants no more, and returns the place at which the next
// page begins; 0 says that nothing is left.
//
// Fields of one place are never parted, because a place is all that the caller carries from page to page. So a field
// that is there during a whole iteration is in exactly one page.
func (h *Hash) Page(from uint64, limit int, fn func(field, value []byte) (more bool)) (next uint64, err error) {
	if from > maxPlace {
		return 0, nil
	}
	seen, full, last := 0, false, uint32(0)
	err = h.walkParts(uint32(from), func(place uint32, field, value []byte) (bool, error) {
		if full && place != last {
			next = uint64(place)
			return false, nil
		}
		seen, last = seen+1, place
		full = !fn(field, value) || full || seen >= limit
		return true, nil
	})
	return next, err
}

// maxPlace is the place behind which no field is.
const maxPlace = 1<<32 - 1
