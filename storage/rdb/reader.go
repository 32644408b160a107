package rdb

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
)

// The first byte of a length. Those with both of the highest bits set are no lengths, but say how a text is written.
const (
	length14  = 1 // in the two highest bits
	length32  = 0x80
	length64  = 0x81
	int8Text  = 0xc0
	int16Text = 0xc1
	int32Text = 0xc2
	lzfText   = 0xc3
)

// reader takes bytes from the front. Once something is wrong it stays bad, or large, and gives zeros.
type reader struct {
	b        []byte
	bad      bool
	large    bool
	items    int // texts that were read
	unpacked int // bytes of those that were compressed
}

// takeBytes returns the next n bytes, nothing when they are not there.
func (r *reader) takeBytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.takeBytes(1); b != nil {
		return b[0]
	}
	return 0
}

// uint returns an unsigned number of n bytes, the lowest first.
func (r *reader) uint(n uint64) (u uint64) {
	for i, c := range r.takeBytes(n) {
		u |= uint64(c) << (8 * i)
	}
	return u
}

// int returns a signed number of n bytes, the lowest first.
func (r *reader) int(n uint64) int64 {
	shift := 64 - 8*n
	return int64(r.uint(n)<<shift) >> shift
}

// readLength returns a length; encoded says that it is none, but one of the marks of a text.
func (r *reader) readLength() (n uint64, encoded bool) {
	c := r.byte()
	switch {
	case c>>6 == 0:
		return uint64(c), false
	case c>>6 == length14:
		return uint64(c&0x3f)<<8 | uint64(r.byte()), false
	case c == length32:
		b := r.takeBytes(4)
		if b == nil {
			return 0, false
		}
		return uint64(binary.BigEndian.Uint32(b)), false
	case c == length64:
		b := r.takeBytes(8)
		if b == nil {
			return 0, false
		}
		return binary.BigEndian.Uint64(b), false
	case c>>6 == 3:
		return uint64(c), true
	}
	r.bad = true
	return 0, false
}

// count returns the length of a collection, of which each element has a byte at least.
func (r *reader) count() uint64 {
	n, encoded := r.readLength()
	if encoded || n > uint64(len(r.b)) {
		r.bad = true
		return 0
	}
	if n > MaxItems {
		r.overflow()
		return 0
	}
	return n
}

// overflow notes that there is too much.
func (r *reader) overflow() { r.bad, r.large = true, true }

// text returns a text, which may alias the payload.
func (r *reader) text() []byte {
	n, encoded := r.readLength()
	if !encoded {
		return r.takeBytes(n)
	}
	switch n {
	case int8Text:
		return strconv.AppendInt(nil, r.int(1), 10)
	case int16Text:
		return strconv.AppendInt(nil, r.int(2), 10)
	case int32Text:
		return strconv.AppendInt(nil, r.int(4), 10)
	case lzfText:
		packed, _ := r.readLength()
		size, encoded := r.readLength()
		if encoded {
			r.bad = true
		}
		return r.unpack(r.takeBytes(packed), size)
	}
	r.bad = true
	return nil
}

// lzfMost is above how many bytes one of LZF's can become: three are a run of 264 at most.
const lzfMost = 88

// unpack returns what LZF has made packed of, which is size bytes.
func (r *reader) unpack(packed []byte, size uint64) []byte {
	if r.bad || size > uint64(len(packed))*lzfMost {
		r.bad = true
		return nil
	}
	if r.unpacked += int(size); r.unpacked > maxUnpacked {
		r.overflow()
		return nil
	}
	out := make([]byte, 0, size)
	from := reader{b: packed}
	for len(from.b) > 0 {
		c := uint64(from.byte())
		if c < 1<<5 {
			out = append(out, from.takeBytes(c+1)...)
			if from.bad {
				break
			}
			continue
		}
		n := c >> 5
		if n == 7 {
			n += uint64(from.byte())
		}
		back := int((c&0x1f)<<8|uint64(from.byte())) + 1
		if from.bad || back > len(out) || uint64(len(out))+n+2 > size {
			from.bad = true
			break
		}
		start := len(out) - back
		for left := int(n) + 2; left > 0; { // it may go on with what it has just written
			some := min(left, len(out)-start)
			out = append(out, out[start:start+some]...)
			left -= some
		}
	}
	if from.bad || uint64(len(out)) != size {
		r.bad = true
		return nil
	}
	return out
}

// addItem counts an item more.
func (r *reader) addItem(v *Value, item []byte) {
	if r.items++; r.items > MaxItems {
		r.overflow()
	}
	if r.bad {
		return
	}
	v.Items = append(v.Items, item)
}

// readValue reads the type and what follows it.
func (r *reader) readValue() (v Value) {
	kind := r.byte()
	switch kind {
	case byte(String):
		v.Kind = String
		r.addItem(&v, r.text())
	case byte(List), byte(Set):
		v.Kind = Kind(kind)
		r.texts(&v, r.count())
	case byte(Hash):
		v.Kind = Hash
		r.texts(&v, 2*r.count())
	case oldSortedSet, byte(SortedSet):
		v.Kind = SortedSet
		for n := r.count(); n > 0 && !r.bad; n-- {
			r.addItem(&v, r.text())
			if kind == oldSortedSet {
				v.Scores = append(v.Scores, r.oldScore())
			} else {
				v.Scores = append(v.Scores, math.Float64frombits(r.uint(8)))
			}
		}
	case quicklist, quicklistOfZip:
		v.Kind = List
		r.nodes(&v, kind)
	default:
		r.packed(&v, kind)
	}
	return v
}

func (r *reader) texts(v *Value, n uint64) {
	for ; n > 0 && !r.bad; n-- {
		r.addItem(v, r.text())
	}
}

// oldScore reads a score that is a text behind its length, or one of three lengths that no text has.
func (r *reader) oldScore() float64 {
	switch n := r.byte(); n {
	case 253:
		return math.NaN()
	case 254:
		return math.Inf(1)
	case 255:
		return math.Inf(-1)
	default:
		return r.parseScore(r.takeBytes(uint64(n)))
	}
}

// parseScore reads a score that is a text.
func (r *reader) parseScore(text []byte) float64 {
	if bytes.ContainsAny(text, "_xX") { // which Go takes and Redis writes never
		r.bad = true
	}
	score, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		r.bad = true
	}
	return score
}

// The containers of a quicklist's nodes.
const (
	plainNode  = 1
	packedNode = 2
)

// nodes reads the nodes of a quicklist.
func (r *reader) nodes(v *Value, kind byte) {
	for n := r.count(); n > 0 && !r.bad; n-- {
		if kind == quicklistOfZip {
			r.ziplist(r.text(), func(item []byte) { r.addItem(v, item) })
			continue
		}
		switch container, _ := r.readLength(); container {
		case plainNode:
			r.addItem(v, r.text())
		case packedNode:
			r.listpack(r.text(), func(item []byte) { r.addItem(v, item) })
		default:
			r.bad = true
		}
	}
}
