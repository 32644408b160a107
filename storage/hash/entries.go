package hash

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"cairn/storage/layout"
)

// The payload of a hash's key row:
//
//	1 uint8 | fields uvarint | most uvarint | longest uvarint | entries
//
// Entries are there when the row has no parts: all fields with their values, in the order in which the fields came.
//
//	len(field) uvarint | field | len(value) uvarint | value
//
// A hash that has parts has one for each field: its name is layout.AppendName of the field, its value the field's.

// head is what the payload begins with.
type head struct {
	fields  uint64 // how many there are, at least 1
	most    uint64 // how many there have been at most since the key is there
	longest uint64 // how many bytes the longest field or value had that was ever written
}

const (
	payloadFormat = 1
	maxHead       = 1 + 3*binary.MaxVarintLen64
)

var errPayload = fmt.Errorf("%w: payload of a hash", layout.ErrCorrupt)

func appendHead(dst []byte, h head) []byte {
	dst = append(dst, payloadFormat)
	dst = binary.AppendUvarint(dst, h.fields)
	dst = binary.AppendUvarint(dst, h.most)
	return binary.AppendUvarint(dst, h.longest)
}

// parseHead reads what appendHead wrote, and returns what is behind it.
func parseHead(b []byte) (h head, rest []byte, err error) {
	if len(b) == 0 || b[0] != payloadFormat {
		return head{}, nil, errPayload
	}
	rest = b[1:]
	for _, n := range []*uint64{&h.fields, &h.most, &h.longest} {
		v, size := binary.Uvarint(rest)
		if size <= 0 {
			return head{}, nil, errPayload
		}
		*n, rest = v, rest[size:]
	}
	if h.fields == 0 || h.most < h.fields {
		return head{}, nil, errPayload
	}
	return h, rest, nil
}

// entry is where a field and its value are in the entries of a hash.
type entry struct {
	at, end      int // of the whole entry
	field, value []byte
}

func appendEntry(dst, field, value []byte) []byte {
	dst = append(binary.AppendUvarint(dst, uint64(len(field))), field...)
	return append(binary.AppendUvarint(dst, uint64(len(value))), value...)
}

// entrySize returns how many bytes appendEntry appends.
func entrySize(field, value []byte) int { return textSize(field) + textSize(value) }

func textSize(text []byte) int {
	n := 1 + len(text)
	for size := len(text); size >= 1<<7; size >>= 7 {
		n++
	}
	return n
}

// entryAt reads the entry that begins at a place before the end of entries.
func entryAt(entries []byte, at int) (e entry, err error) {
	e.at = at
	var ok bool
	if e.field, at, ok = textAt(entries, at); ok {
		e.value, at, ok = textAt(entries, at)
	}
	if !ok {
		return entry{}, errPayload
	}
	e.end = at
	return e, nil
}

func textAt(b []byte, at int) (text []byte, end int, ok bool) {
	n, size := binary.Uvarint(b[at:])
	if at += max(size, 0); size <= 0 || n > uint64(len(b)-at) {
		return nil, 0, false
	}
	end = at + int(n)
	return b[at:end:end], end, true
}

// findEntry returns the entry of a field. Where there is none, value is nil, and at and end are the end of entries.
func findEntry(entries, field []byte) (e entry, err error) {
	for at := 0; at < len(entries); at = e.end {
		if e, err = entryAt(entries, at); err != nil || bytes.Equal(e.field, field) {
			return e, err
		}
	}
	return entry{at: len(entries), end: len(entries), field: field}, nil
}
