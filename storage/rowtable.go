package storage

import (
	"bytes"
	"hash/maphash"
)

// rowTable finds rows by their Pebble keys. It is a hash table made for few cache misses, which are what a look-up of one row among
// many costs: a slot holds half of the hash, so that what does not match is passed by without a look at the row; key and value of a
// row stand together in one block of bytes; and slots are so small that those of 100,000 rows fit into the second cache.
//
// Slots are probed one after the other, and at most half of them are taken. Rows stay where they are when the table grows: who has
// found one may keep it. Callers lock; whatever finds rows may do so at the same time.
type rowTable struct {
	slots  rowSlots // at-1 is the number of a row
	chunks [][]row  // chunkRows each; pointers to arrays would be checked for nil, which is to read what is there
	n      int      // rows
}

const chunkRows = 63 // with what Go has before them, 4 KiB

// rowChunk begins with so many bytes that each of its rows begins a line: Go has 8 bytes of its own before an allocation of this size.
type rowChunk struct {
	_    [lineBytes - 8]byte
	rows [chunkRows]row
}

// rowShards is how many locks the rows of a buffer or a cache are spread over, each with a table: while one grows, the others do not
// wait.
const rowShards = 64

// rowSeed is what rows are spread by: strangers choose the keys.
var rowSeed = maphash.MakeSeed()

// hashOf returns the hash of a Pebble key. Its lower half chooses the shard, its upper half is the tag of a slot.
func hashOf(pkey []byte) uint64 { return maphash.Bytes(rowSeed, pkey) }

// find returns the row of a Pebble key, nil when there is none.
func (t *rowTable) find(hash uint64, pkey []byte) *row {
	if len(t.slots) == 0 {
		return nil
	}
	tag, mask := tagOf(hash), uint32(len(t.slots)-1)
	for i := tag & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s.at == 0 {
			return nil
		}
		if s.tag == tag {
			if r := t.row(s.at - 1); bytes.Equal(r.key(), pkey) {
				return r
			}
		}
	}
}

func (t *rowTable) row(n uint32) *row { return &t.chunks[n/chunkRows][n%chunkRows] }

// candidate returns the row that find would look at first, nil when there is none. It does not look at it.
func (t *rowTable) candidate(hash uint64) *row {
	if len(t.slots) == 0 {
		return nil
	}
	tag, mask := tagOf(hash), uint32(len(t.slots)-1)
	for i := tag & mask; t.slots[i].at != 0; i = (i + 1) & mask {
		if t.slots[i].tag == tag {
			return t.row(t.slots[i].at - 1)
		}
	}
	return nil
}

// add returns a new, empty row for a key of this hash that is not in the table.
func (t *rowTable) add(hash uint64) *row {
	if 2*(t.n+1) > len(t.slots) {
		t.slots = t.slots.grown()
	}
	if t.n == len(t.chunks)*chunkRows {
		t.chunks = append(t.chunks, new(rowChunk).rows[:])
	}
	t.n++
	t.slots.take(rowSlot{tagOf(hash), uint32(t.n)})
	return t.row(uint32(t.n - 1))
}

// all calls fn for the rows, in the order in which they came.
func (t *rowTable) all(fn func(*row)) {
	for n := range uint32(t.n) {
		fn(t.row(n))
	}
}
