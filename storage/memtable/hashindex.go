package memtable

import (
	"bytes"

	"cairn/storage/hashtable"
)

// hashIndex finds rows by their Pebble keys, and is where they lie. At most half of its buckets are taken. Rows stay
// where they are when it grows: who has found one may keep it. Callers lock; whatever finds rows may do so at the same
// time.
type hashIndex struct {
	buckets hashtable.Buckets // At-1 is the number of a row
	chunks  [][]Row           // chunkRows each; pointers to arrays would be checked for nil, which is to read what is there
	n       int               // rows
}

const chunkRows = 63 // with what Go has before them, 4 KiB

// rowChunk begins with so many bytes that each of its rows begins a line: Go has 8 bytes of its own before an
// allocation of this size.
type rowChunk struct {
	_    [lineBytes - 8]byte
	rows [chunkRows]Row
}

// findRow returns the row of a Pebble key, nil when there is none.
func (x *hashIndex) findRow(hash uint64, pkey []byte) *Row {
	if len(x.buckets) == 0 {
		return nil
	}
	tag, mask := hashtable.Tag(hash), uint32(len(x.buckets)-1)
	for i := tag & mask; ; i = (i + 1) & mask {
		s := x.buckets[i]
		if s.At == 0 {
			return nil
		}
		if s.Tag == tag {
			if r := x.row(s.At - 1); bytes.Equal(r.Key(), pkey) {
				return r
			}
		}
	}
}

func (x *hashIndex) row(n uint32) *Row { return &x.chunks[n/chunkRows][n%chunkRows] }

// candidate returns the row that find would look at first, nil when there is none. It does not look at it.
func (x *hashIndex) candidate(hash uint64) *Row {
	if len(x.buckets) == 0 {
		return nil
	}
	tag, mask := hashtable.Tag(hash), uint32(len(x.buckets)-1)
	for i := tag & mask; x.buckets[i].At != 0; i = (i + 1) & mask {
		if x.buckets[i].Tag == tag {
			return x.row(x.buckets[i].At - 1)
		}
	}
	return nil
}

// addRow returns a new, empty row for a key of this hash that is not in the index.
func (x *hashIndex) addRow(hash uint64) *Row {
	if 2*(x.n+1) > len(x.buckets) {
		x.buckets = x.buckets.Grown()
	}
	if x.n == len(x.chunks)*chunkRows {
		x.chunks = append(x.chunks, new(rowChunk).rows[:])
	}
	x.n++
	x.buckets.Insert(hashtable.Bucket{Tag: hashtable.Tag(hash), At: uint32(x.n)})
	return x.row(uint32(x.n - 1))
}

// eachRow calls fn for the rows, in the order in which they came.
func (x *hashIndex) eachRow(fn func(*Row)) {
	for n := range uint32(x.n) {
		fn(x.row(n))
	}
}
