package entry

import (
	"encoding/binary"
	"fmt"
)

// Decoder parses entries one after the other, and keeps the memory of their groups, calls and lists of arguments for
// the next. The zero value is ready.
type Decoder struct {
	groups slab[Group]
	calls  slab[Call]
	words  slab[[]byte]
}

// Parse reads what Append wrote. The arguments alias b; all else of the entry is good until the next Parse or Release.
func (x *Decoder) Parse(b []byte) (Entry, error) {
	x.Release()
	d := decoder{b: b}
	if v := d.byte(); v != Version {
		return Entry{}, fmt.Errorf("%w: version %d, this program reads %d", ErrCorrupt, v, Version)
	}
	e := Entry{Time: int64(d.uvarint())}
	if seed := d.bytes(8); seed != nil {
		e.Seed = binary.LittleEndian.Uint64(seed)
	}
	e.Groups = x.groups.alloc(d.length(2), len(d.b)/groupBytes)
	for i := range e.Groups {
		e.Groups[i] = x.group(&d)
	}
	if d.bad || len(d.b) != 0 {
		return Entry{}, ErrCorrupt
	}
	return e, nil
}

// Release lets go of the last entry: of its arguments nothing is kept in memory.
func (x *Decoder) Release() {
	x.groups.reset()
	x.calls.reset()
	x.words.reset()
}

func (x *Decoder) group(d *decoder) Group {
	flags := d.byte()
	d.bad = d.bad || flags > 1
	g := Group{Atomic: flags&1 != 0}
	g.Calls = x.calls.alloc(d.length(2), len(d.b)/callBytes)
	for i := range g.Calls {
		g.Calls[i].DB = d.byte()
		argv := x.words.alloc(d.length(1), len(d.b)/wordBytes)
		for j := range argv {
			argv[j] = d.bytes(d.uvarint())
		}
		g.Calls[i].Argv = argv
	}
	return g
}

// About how many bytes a group, a call and an argument take, at least; what a slab is made for is bounded by it and by
// maxRoom.
const (
	groupBytes = 16
	callBytes  = 16
	wordBytes  = 8
	maxSlab    = 512
	maxKept    = 16 << 10 // a longer slab is not kept for the next entry
)

// slab is memory for elements of one kind. It is zero where it is not cut off.
type slab[T any] struct {
	all  []T
	used int
	left int // what was used of slabs that were too short for the entry
}

// alloc returns n elements. Where there are too few it makes a slab for n, and for about as many as may come.
func (r *slab[T]) alloc(n uint64, more int) []T {
	if n > uint64(len(r.all)-r.used) {
		r.left += r.used
		r.all, r.used = make([]T, max(n, uint64(min(more, maxSlab)))), 0
	}
	from := r.used
	r.used += int(n)
	return r.all[from:r.used:r.used]
}

// reset takes everything back. A slab that was too short for the entry gives way to one that is long enough for the
// next such.
func (r *slab[T]) reset() {
	switch n := r.left + r.used; {
	case max(n, len(r.all)) > maxKept:
		r.all = nil
	case n > len(r.all):
		r.all = make([]T, min(n+n/4, maxKept))
	default:
		clear(r.all[:r.used])
	}
	r.used, r.left = 0, 0
}

// decoder reads from the front of b; after the first short read bad is true and every read gives zero.
type decoder struct {
	b   []byte
	bad bool
}

// length reads a number of things of at least size bytes each, so that a short input cannot ask for a large slice.
func (d *decoder) length(size uint64) uint64 {
	n := d.uvarint()
	if n > uint64(len(d.b))/size {
		d.bad = true
		return 0
	}
	return n
}

func (d *decoder) uvarint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 && !d.bad { // nearly all have one byte
		v := d.b[0]
		d.b = d.b[1:]
		return uint64(v)
	}
	return d.longUvarint()
}

func (d *decoder) longUvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || d.bad {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	b := d.bytes(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func (d *decoder) bytes(n uint64) []byte {
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}
