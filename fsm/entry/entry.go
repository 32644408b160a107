// Package entry is the bytes of a log entry: what the leader proposes and every node applies.
package entry

import (
	"encoding/binary"
	"errors"
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

// Group is calls of one client that were proposed together.
//
// An Atomic one (a MULTI block, a script) is one command to everybody: its calls run one after the other at one time,
// with nothing in between; its reads see its writes; and no reader, restart or snapshot finds a part of them. An
// error is the reply to its own call, and the others run. Reads stand in Atomic groups only. Of other groups each
// call by itself is a command: that their entry is applied in one transaction is a matter of speed.
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
func Parse(b []byte) (Entry, error) { return new(Decoder).Parse(b) }
