package entry

import (
	"encoding/binary"
	"fmt"
)

// FragmentVersion is the first byte of every fragment.
const FragmentVersion = 2

// Fragment is a piece of the bytes of an entry that is too large to be a log entry of its own: each fragment is one.
type Fragment struct {
	ID    uint64 // random; all fragments of one entry have it
	N     uint64 // counts the fragments of an entry from 0
	Last  bool
	Bytes []byte
}

// MaxFragmentOverhead is the most that AppendFragment adds to the bytes.
const MaxFragmentOverhead = 1 + 8 + binary.MaxVarintLen64 + 1

// IsFragment reports whether bytes of the log are a fragment's.
func IsFragment(b []byte) bool { return len(b) > 0 && b[0] == FragmentVersion }

// AppendFragment appends the bytes of f to dst and returns them.
//
//	version uint8 | id uint64 LE | n uvarint | last uint8, 0 or 1 | bytes
func AppendFragment(dst []byte, f Fragment) []byte {
	dst = append(dst, FragmentVersion)
	dst = binary.LittleEndian.AppendUint64(dst, f.ID)
	dst = binary.AppendUvarint(dst, f.N)
	last := byte(0)
	if f.Last {
		last = 1
	}
	dst = append(dst, last)
	return append(dst, f.Bytes...)
}

// ParseFragment reads what AppendFragment wrote. The bytes alias b.
func ParseFragment(b []byte) (Fragment, error) {
	d := decoder{b: b}
	if v := d.byte(); v != FragmentVersion {
		return Fragment{}, fmt.Errorf("%w: version %d is no fragment's", ErrCorrupt, v)
	}
	var f Fragment
	if id := d.bytes(8); id != nil {
		f.ID = binary.LittleEndian.Uint64(id)
	}
	f.N = d.uvarint()
	last := d.byte()
	if d.bad || last > 1 {
		return Fragment{}, fmt.Errorf("%w: fragment", ErrCorrupt)
	}
	f.Last, f.Bytes = last == 1, d.b
	return f, nil
}

// longArg is from how many bytes on an argument becomes a segment of its own.
const longArg = 4 << 10

// Segments returns the bytes that Append would write, in pieces that follow each other, and how many they are. Long
// arguments are not copied: a piece aliases them.
func Segments(e Entry) (segments [][]byte, size int) {
	var buf []byte
	start := 0
	cut := func() {
		segments = append(segments, buf[start:len(buf):len(buf)])
		size += len(buf) - start
		start = len(buf)
	}
	buf = appendHead(buf, e)
	for _, g := range e.Groups {
		buf = appendGroupHead(buf, g)
		for _, c := range g.Calls {
			buf = appendCallHead(buf, c)
			for _, a := range c.Argv {
				if buf = binary.AppendUvarint(buf, uint64(len(a))); len(a) < longArg {
					buf = append(buf, a...)
					continue
				}
				cut()
				segments = append(segments, a)
				size += len(a)
			}
		}
	}
	cut()
	return segments, size
}
