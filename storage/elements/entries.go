package elements

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"cairn/storage/layout"
)

// The payload of a collection's key row:
//
//	1 uint8 | count uvarint | most uvarint | past uvarint | entries
//
// Entries are there when the row has no parts: all names, with their values if elements have values, in the order in
// which they came.
//
//	len(name) uvarint | name | [len(value) uvarint | value]
//
// A collection that has parts has one for each element: its name is layout.AppendName of the element's, its value the
// element's.

// Head is what the payload begins with.
type Head struct {
	Count uint64 // how many elements there are, at least 1
	Most  uint64 // how many there have been at most since the key is there
	Past  uint64 // what else the type remembers of the time since then, from which its encoding in Redis follows
}

// Len returns the number of elements.
func (h *Head) Len() uint64 { return h.Count }

const payloadFormat = 1

// MaxHead is how many bytes AppendHead appends at most.
const MaxHead = 1 + 3*binary.MaxVarintLen64

var errPayload = fmt.Errorf("%w: payload of a collection", layout.ErrCorrupt)

// AppendHead appends what the payload of a collection begins with.
//
//	1 uint8 | count uvarint | most uvarint | past uvarint
func AppendHead(dst []byte, h Head) []byte {
	dst = append(dst, payloadFormat)
	dst = binary.AppendUvarint(dst, h.Count)
	dst = binary.AppendUvarint(dst, h.Most)
	return binary.AppendUvarint(dst, h.Past)
}

// ParseHead reads what AppendHead wrote, and returns what is behind it.
func ParseHead(b []byte) (h Head, rest []byte, err error) {
	if len(b) == 0 || b[0] != payloadFormat {
		return Head{}, nil, errPayload
	}
	rest = b[1:]
	for _, n := range []*uint64{&h.Count, &h.Most, &h.Past} {
		v, size := binary.Uvarint(rest)
		if size <= 0 {
			return Head{}, nil, errPayload
		}
		*n, rest = v, rest[size:]
	}
	if h.Count == 0 || h.Most < h.Count {
		return Head{}, nil, errPayload
	}
	return h, rest, nil
}

// entry is where a name and its value are in the entries of a collection.
type entry struct {
	at, end     int // of the whole entry
	name, value []byte
}

func (f *Form) appendEntry(dst, name, value []byte) []byte {
	dst = append(binary.AppendUvarint(dst, uint64(len(name))), name...)
	if !f.Values {
		return dst
	}
	return append(binary.AppendUvarint(dst, uint64(len(value))), value...)
}

// size returns how many bytes appendEntry appends.
func (f *Form) size(name, value []byte) int {
	if !f.Values {
		return textSize(name)
	}
	return textSize(name) + textSize(value)
}

func textSize(text []byte) int {
	n := 1 + len(text)
	for size := len(text); size >= 1<<7; size >>= 7 {
		n++
	}
	return n
}

// entryAt reads the entry that begins at a place before the end of entries. An element without a value has the empty
// one.
func (f *Form) entryAt(entries []byte, at int) (e entry, err error) {
	e.at = at
	var ok bool
	if e.name, at, ok = textAt(entries, at); ok && f.Values {
		e.value, at, ok = textAt(entries, at)
	} else {
		e.value = entries[at:at:at]
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

// find returns the entry of a name. Where there is none, value is nil, and at and end are the end of entries.
func (f *Form) find(entries, name []byte) (e entry, err error) {
	for at := 0; at < len(entries); at = e.end {
		if e, err = f.entryAt(entries, at); err != nil || bytes.Equal(e.name, name) {
			return e, err
		}
	}
	return entry{at: len(entries), end: len(entries), name: name}, nil
}
