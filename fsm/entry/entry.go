// Package entry is the bytes of a log entry: what the leader proposes and every node applies.
package entry

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Version is the first byte of every entry.
const Version = 1

// ErrCorrupt is returned when bytes are no entry.
var ErrCorrupt = errors.New("entry: corrupt bytes")

// Call is one command: its name in lower case and its arguments, in database DB.
type Call struct {
	DB   uint8
	Argv [][]byte
}

// Group is calls of one client that were proposed together. The calls of an Atomic group (a MULTI block, a script) are one
// command to every reader; an entry is applied in one batch, so today every group is.
type Group struct {
	Calls  []Call
	Atomic bool
}

// Entry is one log entry. Time and Seed are all that its calls may know of the world outside the keyspace.
type Entry struct {
	Time   int64  // Unix milliseconds, the proposer's clock
	Seed   uint64 // random
	Groups []Group
}

// Append appends the bytes of e to dst and returns them.
//
//	version uint8 | time uvarint | seed uint64 LE | groups uvarint |
//	groups × ( flags uint8, bit 0 is Atomic | calls uvarint | calls × ( db uint8 | argc uvarint | argc × ( len uvarint | bytes ) ) )
func Append(dst []byte, e Entry) []byte {
	dst = appendHead(dst, e)
	for _, g := range e.Groups {
		dst = appendGroup(dst, g)
	}
	return dst
}

func appendHead(dst []byte, e Entry) []byte {
	dst = append(dst, Version)
	dst = binary.AppendUvarint(dst, uint64(e.Time))
	dst = binary.LittleEndian.AppendUint64(dst, e.Seed)
	return binary.AppendUvarint(dst, uint64(len(e.Groups)))
}

func appendGroupHead(dst []byte, g Group) []byte {
	var flags byte
	if g.Atomic {
		flags = 1
	}
	dst = append(dst, flags)
	return binary.AppendUvarint(dst, uint64(len(g.Calls)))
}

func appendCallHead(dst []byte, c Call) []byte {
	dst = append(dst, c.DB)
	return binary.AppendUvarint(dst, uint64(len(c.Argv)))
}

func appendGroup(dst []byte, g Group) []byte {
	dst = appendGroupHead(dst, g)
	for _, c := range g.Calls {
		dst = appendCallHead(dst, c)
		for _, a := range c.Argv {
			dst = binary.AppendUvarint(dst, uint64(len(a)))
			dst = append(dst, a...)
		}
	}
	return dst
}

// Size returns about how many bytes Append would add for g; never fewer.
func (g Group) Size() int {
	n := 1 + binary.MaxVarintLen64
	for _, c := range g.Calls {
		n += 1 + binary.MaxVarintLen64
		for _, a := range c.Argv {
			n += binary.MaxVarintLen64 + len(a)
		}
	}
	return n
}

// Parse reads what Append wrote. The arguments alias b.
func Parse(b []byte) (Entry, error) {
	d := decoder{b: b}
	if v := d.byte(); v != Version {
		return Entry{}, fmt.Errorf("%w: version %d, this program reads %d", ErrCorrupt, v, Version)
	}
	e := Entry{Time: int64(d.uvarint())}
	if seed := d.bytes(8); seed != nil {
		e.Seed = binary.LittleEndian.Uint64(seed)
	}
	e.Groups = make([]Group, d.count(2))
	for i := range e.Groups {
		e.Groups[i] = d.group()
	}
	if d.bad || len(d.b) != 0 {
		return Entry{}, ErrCorrupt
	}
	return e, nil
}

// decoder reads from the front of b; after the first short read bad is true and every read gives zero.
type decoder struct {
	b     []byte
	bad   bool
	calls []Call   // room for what comes: one allocation for many calls
	words [][]byte // likewise for arguments
}

func (d *decoder) group() Group {
	flags := d.byte()
	d.bad = d.bad || flags > 1
	g := Group{Atomic: flags&1 != 0}
	g.Calls, d.calls = cut(d.calls, d.count(2), len(d.b)/callBytes)
	for i := range g.Calls {
		g.Calls[i].DB = d.byte()
		g.Calls[i].Argv, d.words = cut(d.words, d.count(1), len(d.b)/wordBytes)
		for j := range g.Calls[i].Argv {
			g.Calls[i].Argv[j] = d.bytes(d.uvarint())
		}
	}
	return g
}

// About how many bytes a call and an argument take, at least; what room is made for is bounded by it and by maxRoom.
const (
	callBytes = 16
	wordBytes = 8
	maxRoom   = 512
)

// cut takes n elements from the front of room. Where there are too few it makes room for n, and for about as many as may come.
func cut[T any](room []T, n uint64, more int) (part, rest []T) {
	if n > uint64(len(room)) {
		room = make([]T, max(n, uint64(min(more, maxRoom))))
	}
	return room[:n:n], room[n:]
}

// count reads a number of things of at least size bytes each, so that a short input cannot ask for a large slice.
func (d *decoder) count(size uint64) uint64 {
	n := d.uvarint()
	if n > uint64(len(d.b))/size {
		d.bad = true
		return 0
	}
	return n
}

func (d *decoder) uvarint() uint64 {
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
