package layout

import (
	"encoding/binary"
	"fmt"
)

// Type is the type of a Redis key as the key row stores it.
type Type uint8

// The types. Their numbers are on disk.
const (
	String    Type = 1
	Hash      Type = 2
	List      Type = 3
	Set       Type = 4
	SortedSet Type = 5
)

// String returns the name that the TYPE command answers.
func (t Type) String() string {
	switch t {
	case String:
		return "string"
	case Hash:
		return "hash"
	case List:
		return "list"
	case Set:
		return "set"
	case SortedSet:
		return "zset"
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// Encoding is how a string came to be, where OBJECT ENCODING tells it and the bytes do not.
type Encoding uint8

// The encodings. Their numbers are on disk.
const (
	AsSet  Encoding = 0 // as SET writes it: an integer where it reads as one
	AsText Encoding = 1 // a text whatever it reads as: INCRBYFLOAT writes it
	AsRaw  Encoding = 2 // a text in memory of its own: APPEND and SETRANGE have changed it
)

// Row is the value of a key row.
type Row struct {
	Type      Type
	Encoding  Encoding
	Version   uint64 // unique and rising: log index << 20 | position of the call in its entry
	WrittenAt int64  // time of the last write, Unix milliseconds; stored as whole seconds
	ExpireAt  int64  // Unix milliseconds; 0 is never
	Parts     uint64 // under which id the parts of a collection or a long string are kept, see AppendPart; 0: all that there is is in Payload
	Payload   []byte // the bytes of a string without parts; what a key with parts, or a collection, keeps here its type says
}

// The bits of the flags byte: they say what follows, and two hold the encoding.
const (
	hasExpiry     = 1
	hasParts      = 2
	encodingBits  = 4 | 8
	encodingShift = 2
)

// AppendRow appends the bytes of r to dst and returns them.
//
//	type uint8 | flags uint8 | version uint64 BE | written uint32 BE, Unix seconds | [expireAt uint64 BE] | [parts uint64 BE] | payload
//
// expireAt is there when bit 0 of flags is set, parts when bit 1 is. Bits 2 and 3 are the encoding.
func AppendRow(dst []byte, r Row) []byte {
	flags := byte(r.Encoding) << encodingShift
	if r.ExpireAt != 0 {
		flags |= hasExpiry
	}
	if r.Parts != 0 {
		flags |= hasParts
	}
	dst = append(dst, byte(r.Type), flags)
	dst = binary.BigEndian.AppendUint64(dst, r.Version)
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.WrittenAt/1000))
	if r.ExpireAt != 0 {
		dst = binary.BigEndian.AppendUint64(dst, uint64(r.ExpireAt))
	}
	if r.Parts != 0 {
		dst = binary.BigEndian.AppendUint64(dst, r.Parts)
	}
	return appendLong(dst, r.Payload)
}

// appendLong appends b in steps: while one copy runs, the Go runtime cannot stop this goroutine, and all others may
// wait for that.
func appendLong(dst, b []byte) []byte {
	for rest := b; ; rest = rest[copyStep:] {
		if len(rest) <= copyStep {
			return append(dst, rest...)
		}
		dst = append(dst, rest[:copyStep]...)
	}
}

const copyStep = 1 << 20

// AppendPartRow appends the value of the row of a collection's part to dst and returns it.
//
//	1 uint8 | value
func AppendPartRow(dst, value []byte) []byte { return appendLong(append(dst, partRow), value) }

// partRow is the first byte of a part's row, and PartRowHead the length of all that is before the value.
const (
	partRow     = 1
	PartRowHead = 1
)

// ParsePartRow reads what AppendPartRow wrote. The value aliases b and is not nil.
func ParsePartRow(b []byte) (value []byte, err error) {
	if len(b) < PartRowHead || b[0] != partRow {
		return nil, fmt.Errorf("%w: a part's row", ErrCorrupt)
	}
	return b[PartRowHead:], nil
}

// AppendChunked appends what stands in the place of a row that is kept in chunks: no other begins with 0.
//
//	0 uint8 | length of the row uvarint
func AppendChunked(dst []byte, size uint64) []byte { return binary.AppendUvarint(append(dst, 0), size) }

// IsChunked reports whether b, which is not empty, stands in the place of a row of data.
func IsChunked(b []byte) bool { return b[0] == 0 }

// ParseChunked reads what AppendChunked wrote: the length of the row.
func ParseChunked(b []byte) (size uint64, err error) {
	d := decoder{b: b}
	if d.byte() != 0 {
		d.bad = true
	}
	size = d.uvarint()
	if d.bad || len(d.b) != 0 || size > 1<<32 {
		return 0, fmt.Errorf("%w: the length of a row in chunks", ErrCorrupt)
	}
	return size, nil
}

// RowSize returns how many bytes AppendRow appends.
func RowSize(r Row) int {
	n := rowFixed + len(r.Payload)
	if r.ExpireAt != 0 {
		n += 8
	}
	if r.Parts != 0 {
		n += 8
	}
	return n
}

// rowFixed is the length of everything before expireAt, and MaxRowHead the longest that everything before the payload
// is.
const (
	rowFixed   = 1 + 1 + 8 + 4
	MaxRowHead = rowFixed + 8 + 8
)

// ParseRow reads what AppendRow wrote. The payload aliases b.
func ParseRow(b []byte) (Row, error) {
	if len(b) < rowFixed || b[1]&^(hasExpiry|hasParts|encodingBits) != 0 || b[1]&encodingBits == encodingBits {
		return Row{}, ErrCorrupt
	}
	r := Row{
		Type:      Type(b[0]),
		Encoding:  Encoding(b[1] & encodingBits >> encodingShift),
		Version:   binary.BigEndian.Uint64(b[2:]),
		WrittenAt: int64(binary.BigEndian.Uint32(b[10:])) * 1000,
	}
	rest := b[rowFixed:]
	if b[1]&hasExpiry != 0 {
		if len(rest) < 8 {
			return Row{}, ErrCorrupt
		}
		if r.ExpireAt = int64(binary.BigEndian.Uint64(rest)); r.ExpireAt == 0 {
			return Row{}, ErrCorrupt
		}
		rest = rest[8:]
	}
	if b[1]&hasParts != 0 {
		if len(rest) < 8 {
			return Row{}, ErrCorrupt
		}
		if r.Parts = binary.BigEndian.Uint64(rest); r.Parts == 0 {
			return Row{}, ErrCorrupt
		}
		rest = rest[8:]
	}
	r.Payload = rest
	return r, nil
}
