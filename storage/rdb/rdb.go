// Package rdb reads and writes the payloads of DUMP and RESTORE: a value as a file of Redis has it, with a version and
// a checksum behind it.
//
//	type uint8 | value | version uint16 LE | CRC64 of all before it uint64 LE
//
// It reads every form in which a redis-server up to 7.0 writes a string, list, set, hash or sorted set, and writes the
// plain ones, which every redis-server reads and makes what it likes of. A value is neutral here: texts, and scores.
// What they are kept in is the business of the types.
//
// A payload costs what it is, not what it claims: no length is believed before the bytes are there, and of what is
// compressed no more than can be in it.
package rdb

import (
	"encoding/binary"
	"errors"
	"hash/crc64"
	"math"
	"strconv"
)

// Version is the version of the payloads that are written, and the newest that is read.
const Version = 10

const (
	// MaxItems is how many texts the value of a payload may have.
	MaxItems = 1 << 21
	// maxUnpacked is how many bytes the texts of a payload may have that were compressed.
	maxUnpacked = 256 << 20
)

var (
	// ErrChecksum is returned for what is no payload, or one of a newer version.
	ErrChecksum = errors.New("rdb: version or checksum are wrong")
	// ErrFormat is returned for a payload that is not one of a known type.
	ErrFormat = errors.New("rdb: bad data format")
	// ErrTooLarge is returned for a payload with more than MaxItems texts.
	ErrTooLarge = errors.New("rdb: too many elements")
)

// Kind is the type of a value.
type Kind uint8

// The kinds: their numbers are those of the types that are written.
const (
	String    Kind = 0
	List      Kind = 1
	Set       Kind = 2
	Hash      Kind = 4
	SortedSet Kind = 5
)

// The other types, which are read.
const (
	oldSortedSet   = 3 // scores are texts
	zipmapHash     = 9
	ziplistList    = 10
	intsetSet      = 11
	ziplistZSet    = 12
	ziplistHash    = 13
	quicklistOfZip = 14
	listpackHash   = 16
	listpackZSet   = 17
	quicklist      = 18
)

// Value is what a payload holds.
type Value struct {
	Kind   Kind
	Items  [][]byte  // the string; or elements, members, or fields and values in turns; some alias the payload
	Scores []float64 // of a sorted set's members
}

// footerBytes is the length of the version and the checksum.
const footerBytes = 2 + 8

// The polynomial of Jones, as crc64 wants it.
const jones = 0x95ac9329ac4bc9b5

func checksum(b []byte) uint64 { return ^crc64.Update(^uint64(0), crc64.MakeTable(jones), b) }

// Parse reads a payload. Texts come but once in a set, and so do fields and members; there is at least one.
func Parse(payload []byte) (v Value, err error) {
	if err := Check(payload); err != nil {
		return v, err
	}
	r := reader{b: payload[:len(payload)-footerBytes]}
	v = r.readValue()
	switch {
	case r.large:
		return Value{}, ErrTooLarge
	case r.bad || !v.sound():
		return Value{}, ErrFormat
	}
	return v, nil
}

// Check returns ErrChecksum unless a payload has the checksum that it claims, and a version that is known.
func Check(payload []byte) error {
	n := len(payload) - footerBytes
	if n < 0 || binary.LittleEndian.Uint16(payload[n:]) > Version || binary.LittleEndian.Uint64(payload[n+2:]) != checksum(payload[:n+2]) {
		return ErrChecksum
	}
	return nil
}

// sound reports whether a value can be one of its kind.
func (v *Value) sound() bool {
	if v.Kind == String {
		return len(v.Items) == 1
	}
	step := 1
	if v.Kind == Hash {
		step = 2
	}
	if len(v.Items) == 0 || len(v.Items)%step != 0 || v.Kind == SortedSet && len(v.Scores) != len(v.Items) {
		return false
	}
	for _, score := range v.Scores {
		if math.IsNaN(score) {
			return false
		}
	}
	if v.Kind == List {
		return true
	}
	seen := make(map[string]struct{}, len(v.Items)/step)
	for i := 0; i < len(v.Items); i += step {
		seen[string(v.Items[i])] = struct{}{}
	}
	return len(seen) == len(v.Items)/step
}

// Writer makes a payload.
type Writer struct{ b []byte }

// NewWriter begins the payload of a value of a kind: n elements, fields or members, which follow; a string has one.
func NewWriter(k Kind, n int) *Writer {
	w := &Writer{b: []byte{byte(k)}}
	if k != String {
		w.appendLength(n)
	}
	return w
}

// AddText adds the next text: the string, an element or a member, or a field and then its value.
func (w *Writer) AddText(text []byte) {
	if n, ok := smallInt(text); ok {
		w.appendInt(n)
		return
	}
	w.appendLength(len(text))
	w.b = append(w.b, text...)
}

// AddScore adds the score of the member that was added last.
func (w *Writer) AddScore(score float64) {
	w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(score))
}

// Size returns how many bytes the payload has so far.
func (w *Writer) Size() int { return len(w.b) }

// Finish returns the payload.
func (w *Writer) Finish() []byte { return Seal(w.b, Version) }

// Seal appends a version and the checksum to a type and its value.
func Seal(b []byte, version uint16) []byte {
	b = binary.LittleEndian.AppendUint16(b, version)
	return binary.LittleEndian.AppendUint64(b, checksum(b))
}

func (w *Writer) appendLength(n int) {
	switch {
	case n < 1<<6:
		w.b = append(w.b, byte(n))
	case n < 1<<14:
		w.b = append(w.b, byte(length14<<6|n>>8), byte(n))
	case n <= math.MaxUint32:
		w.b = binary.BigEndian.AppendUint32(append(w.b, length32), uint32(n))
	default:
		w.b = binary.BigEndian.AppendUint64(append(w.b, length64), uint64(n))
	}
}

// smallInt returns the number that a text is, if it has 32 bits.
func smallInt(text []byte) (n int32, ok bool) {
	if len(text) == 0 || len(text) > len("-2147483648") {
		return 0, false
	}
	wide, err := strconv.ParseInt(string(text), 10, 32)
	return int32(wide), err == nil && strconv.FormatInt(wide, 10) == string(text)
}

func (w *Writer) appendInt(n int32) {
	switch {
	case n == int32(int8(n)):
		w.b = append(w.b, int8Text, byte(n))
	case n == int32(int16(n)):
		w.b = binary.LittleEndian.AppendUint16(append(w.b, int16Text), uint16(n))
	default:
		w.b = binary.LittleEndian.AppendUint32(append(w.b, int32Text), uint32(n))
	}
}
