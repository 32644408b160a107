package str

import (
	"encoding/binary"
	"fmt"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// A string lies whole in its key row, or in pages, which are parts of the key: then one bit or a few bytes change, and
// are read, without the rest. What decides is how it was written. Who changes a part of a string that is longer than
// MaxEdited leaves it in pages, for so much is dear to write anew each time. Who writes all of it leaves it whole below
// MaxWhole, for whoever does so once will do so again, and read all of it. A string in pages stays that until all of it
// is written. The limits are part of the format, for all replicas must write the same.
//
// The payload of the key row is then
//
//	length of the string uvarint | binary logarithm of the size of a page uint8
//
// Page n holds the bytes from n times that on, under the name AppendPageName. It ends before the zero bytes at its end,
// and one of zeros only is not there: a bitmap costs what is set in it. Pages are small where a change has made them,
// and large where all was written at once, for few large rows cost less than many small ones.
const (
	MaxEdited = 8 << 10
	MaxWhole  = 1 << 20

	smallPage = 12
	largePage = 17
)

// AppendPageName appends the name of the part that holds page n.
//
//	n uint32 BE
func AppendPageName(dst []byte, n uint32) []byte { return binary.BigEndian.AppendUint32(dst, n) }

// Value is a string for who reads it. The zero value is the string of an absent key, which is empty.
type Value struct {
	r    storage.Reader
	db   uint8
	row  layout.Row
	size int
	page int // how many bytes a page has
}

// Of returns the string whose key row is row.
func Of(r storage.Reader, db uint8, row layout.Row) (v Value, err error) {
	v = Value{r: r, db: db, row: row, size: len(row.Payload)}
	if row.Parts != 0 {
		v.size, v.page, err = parsePaged(row.Payload)
	}
	return v, err
}

// appendPaged appends the payload of the key row of a string in pages.
func appendPaged(dst []byte, size, logarithm int) []byte {
	return append(binary.AppendUvarint(dst, uint64(size)), byte(logarithm))
}

func parsePaged(payload []byte) (size, page int, err error) {
	v, n := binary.Uvarint(payload)
	if n <= 0 || n+1 != len(payload) || v > 1<<32 || payload[n] != smallPage && payload[n] != largePage {
		return 0, 0, fmt.Errorf("str: %w: the payload of a string in pages", layout.ErrCorrupt)
	}
	return int(v), 1 << payload[n], nil
}

// Lookup returns the string at key; ok is false when the key is absent, and isString when it holds another type.
func Lookup(r storage.Reader, db uint8, key []byte) (v Value, ok, isString bool, err error) {
	row, ok, err := keys.Lookup(r, db, key)
	if err != nil || !ok || row.Type != layout.String {
		return Value{}, ok, !ok, err
	}
	v, err = Of(r, db, row)
	return v, true, true, err
}

// Length returns how many bytes the string has.
func (v Value) Length() int { return v.size }

// Bytes returns the whole string. It must not be changed.
func (v Value) Bytes() ([]byte, error) { return v.Slice(0, v.size) }

// Slice returns the bytes from from to before to, which must not be changed.
func (v Value) Slice(from, to int) ([]byte, error) {
	if v.row.Parts == 0 {
		return v.row.Payload[from:to], nil
	}
	b := make([]byte, to-from)
	return b, v.fill(b, from)
}

// fill copies the bytes from from on of a string in pages to b, which is zero.
func (v Value) fill(b []byte, from int) error {
	return v.pages(from, from+len(b), func(at int, page []byte) error {
		if at < from {
			page, at = page[min(from-at, len(page)):], from
		}
		copy(b[at-from:], page)
		return nil
	})
}

// walkBytes is how much of a string in pages is read at a time.
const walkBytes = 256 << 10

// Walk calls fn for the bytes from from to before to, piece by piece and in order, until fn says that it wants no more.
// at is where a piece stands in the string. A piece is good until fn returns.
func (v Value) Walk(from, to int, fn func(at int, piece []byte) (more bool)) error {
	if v.row.Parts == 0 {
		if from < to {
			fn(from, v.row.Payload[from:to])
		}
		return nil
	}
	b := make([]byte, max(0, min(walkBytes, to-from)))
	for at := from; at < to; at += walkBytes {
		b = b[:min(walkBytes, to-at)]
		clear(b)
		if err := v.fill(b, at); err != nil {
			return err
		}
		if !fn(at, b) {
			return nil
		}
	}
	return nil
}

// fewPages are looked up one by one: a scan costs as much as some look-ups before its first row.
const fewPages = 16

// pages calls fn for the pages with bytes from from to before to that are there. at is where a page begins.
func (v Value) pages(from, to int, fn func(at int, page []byte) error) error {
	if from >= to {
		return nil
	}
	first, last := from/v.page, (to-1)/v.page
	if last-first >= fewPages {
		return keys.WalkParts(v.r, v.db, v.row, AppendPageName(nil, uint32(first)), func(name, page []byte) (bool, error) {
			if len(name) != 4 || len(page) > v.page {
				return false, badPage(name)
			}
			n := int(binary.BigEndian.Uint32(name))
			if n > last {
				return false, nil
			}
			return true, fn(n*v.page, page)
		})
	}
	for n := first; n <= last; n++ {
		var room [4]byte
		name := AppendPageName(room[:0], uint32(n))
		page, err := keys.LookupPart(v.r, v.db, v.row, name)
		if err == nil && len(page) > v.page {
			err = badPage(name)
		}
		if err != nil {
			return err
		}
		if page != nil {
			if err := fn(n*v.page, page); err != nil {
				return err
			}
		}
	}
	return nil
}

func badPage(name []byte) error { return fmt.Errorf("str: %w: page %x", layout.ErrCorrupt, name) }
