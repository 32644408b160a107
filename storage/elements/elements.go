// Package elements is what the collections have in common whose elements have names and no order of their own: the
// fields of a hash, the members of a set. A name is in a collection once; a hash gives it a value.
//
// A collection of up to so many elements, whose entries have up to so many bytes (Form), is in the payload of its key
// row: it is found, and written, as a string of that length is. Each look-up passes the entries before the name, and
// each write makes the row anew, so that it must not be long; and below the limit a collection keeps its elements in
// the order in which they came. One that has once been larger is kept in parts, a row for each element, until it is
// gone, whatever is left of it: a collection whose size goes up and down at the limit is not turned over each time. The
// limits are part of the format, for all replicas must write the same.
//
// Where the elements of a large collection are follows from the CRC32C of their names, their place, so that an
// iteration needs no memory (Page), and a random element no look at all of them (Random). Both work on a Source, which
// another type may be that keeps its elements so.
package elements

import (
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// Form is how a type keeps its elements. It is part of the format.
type Form struct {
	Type          layout.Type
	Values        bool // elements have values
	MaxEntries    uint64
	MaxEntryBytes int
}

// Source is a collection of which elements can be taken.
type Source interface {
	// Len returns the number of elements.
	Len() uint64
	// Large reports whether the elements are in parts, so that WalkFrom goes.
	Large() bool
	// Walk calls fn for the elements until it wants no more, in some order that stays. name and value are valid during
	// the call.
	Walk(fn func(name, value []byte) (more bool, err error)) error
	// WalkFrom calls fn for the elements of a large collection in the order of their places, beginning at what
	// AppendPlace or AppendBehind has made, until it wants no more. name and value are valid during the call.
	WalkFrom(from []byte, fn func(place uint32, name, value []byte) (more bool, err error)) error
}

// Collection is a collection for who reads it.
type Collection struct {
	Head
	form    Form
	r       storage.Reader
	db      uint8
	row     layout.Row
	entries []byte
}

// Of returns the collection of which row is the key row.
func (f Form) Of(r storage.Reader, db uint8, row layout.Row) (c Collection, err error) {
	c = Collection{form: f, r: r, db: db, row: row}
	c.Head, c.entries, err = ParseHead(row.Payload)
	return c, err
}

// Lookup returns the collection at key; it has no elements when the key is absent. ok is false when the key holds
// another type.
func (f Form) Lookup(r storage.Reader, db uint8, key []byte) (c Collection, ok bool, err error) {
	row, found, err := keys.Lookup(r, db, key)
	if err != nil || !found {
		return Collection{}, true, err
	}
	if row.Type != f.Type {
		return Collection{}, false, nil
	}
	if c, err = f.Of(r, db, row); err != nil {
		err = damaged(key, err)
	}
	return c, true, err
}

// Large reports whether the collection is kept in parts.
func (c *Collection) Large() bool { return c.row.Parts != 0 }

// RowBytes returns how many bytes the payload of the key row has, which is in memory.
func (c *Collection) RowBytes() int { return len(c.row.Payload) }

// Get returns the value of an element, nil when there is none of this name, empty where elements have no values. It
// must not be changed.
func (c *Collection) Get(name []byte) (value []byte, err error) {
	if !c.Large() {
		e, err := c.form.find(c.entries, name)
		return e.value, err
	}
	return keys.LookupPart(c.r, c.db, c.row, layout.AppendName(make([]byte, 0, nameBuffer), name))
}

// Walk calls fn for the elements until it wants no more: of a small collection in the order in which they came, of a
// large one in that of their places. name and value are valid during the call; of a small collection, as long as c is.
func (c *Collection) Walk(fn func(name, value []byte) (more bool, err error)) error {
	if c.Large() {
		return c.WalkFrom(nil, func(_ uint32, name, value []byte) (bool, error) { return fn(name, value) })
	}
	var e entry
	for at := 0; at < len(c.entries); at = e.end {
		var err error
		if e, err = c.form.entryAt(c.entries, at); err != nil {
			return err
		}
		if more, err := fn(e.name, e.value); err != nil || !more {
			return err
		}
	}
	return nil
}

// WalkFrom implements Source.
func (c *Collection) WalkFrom(from []byte, fn func(place uint32, name, value []byte) (more bool, err error)) error {
	return WalkParts(c.r, c.db, c.row, from, fn)
}

// WalkParts is WalkFrom of the collection whose key row is row, and whose parts have the names that layout.AppendName
// makes.
func WalkParts(r storage.Reader, db uint8, row layout.Row, from []byte, fn func(place uint32, name, value []byte) (more bool, err error)) error {
	return keys.WalkParts(r, db, row, from, func(part, value []byte) (bool, error) {
		place, name, err := layout.ParseName(part)
		if err != nil {
			return false, err
		}
		return fn(place, name, value)
	})
}

// AppendPlace appends where WalkFrom begins to see the elements at and behind a place.
func AppendPlace(dst []byte, place uint32) []byte { return layout.AppendNameHash(dst, place) }

// AppendBehind appends where WalkFrom begins to see the elements behind the one of this name.
func AppendBehind(dst, name []byte) []byte { return append(layout.AppendName(dst, name), 0) }

// Page is one step of an iteration that nobody remembers but the caller. It calls fn for the first limit elements at
// and behind a place of a large collection, or fewer when fn says that it wants no more, and returns the place at which
// the next page begins; 0 says that nothing is left.
//
// Elements of one place are never parted, because a place is all that the caller carries from page to page. So an
// element that is there during a whole iteration is in exactly one page.
func Page(c Source, from uint64, limit int, fn func(name, value []byte) (more bool)) (next uint64, err error) {
	if from > maxPlace {
		return 0, nil
	}
	seen, full, last := 0, false, uint32(0)
	err = c.WalkFrom(AppendPlace(nil, uint32(from)), func(place uint32, name, value []byte) (bool, error) {
		if full && place != last {
			next = uint64(place)
			return false, nil
		}
		seen, last = seen+1, place
		full = !fn(name, value) || full || seen >= limit
		return true, nil
	})
	return next, err
}

// maxPlace is the place behind which no element is.
const maxPlace = 1<<32 - 1
