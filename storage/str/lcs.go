package str

import "math/bits"

// Match is a run of bytes that two strings share: a[A:A+Len] equals b[B:B+Len].
type Match struct{ A, B, Len int }

// CommonLength returns the length of a longest common subsequence of a and b.
func CommonLength(a, b []byte) int {
	row := newCommonRow(a, b)
	for _, c := range a {
		row.step(c)
	}
	return row.length()
}

// CommonMatches returns a longest common subsequence of a and b as maximal runs, the last one first. Of several
// longest ones it is the one Redis finds: walking back from the ends, a byte of a is given up only where a byte of b
// cannot be. It takes len(a)*len(b)/64 steps, and about twice as many words of memory: one bit for each pair of
// positions, and at most one more to say where each byte of a stands in b. The caller bounds the product.
func CommonMatches(a, b []byte) []Match {
	row := newCommonRow(a, b)
	rises := newBitTable(len(a), len(b))
	for i, c := range a {
		row.step(c)
		rises.setRow(i, row.flat)
	}
	var runs []Match
	for i, j := len(a), len(b); i > 0 && j > 0; {
		switch {
		case a[i-1] == b[j-1]:
			i, j = i-1, j-1
			if n := len(runs); n > 0 && runs[n-1].A == i+1 && runs[n-1].B == j+1 {
				runs[n-1] = Match{i, j, runs[n-1].Len + 1}
			} else {
				runs = append(runs, Match{i, j, 1})
			}
		case rises.bit(i-1, j-1):
			i--
		default:
			j--
		}
	}
	return runs
}

// commonRow is one row of the table of lengths L[i][j] that the textbook algorithm fills, L[i][j] being the answer
// for the first i bytes of a and the first j of b. Neighbours in a row differ by 0 or 1, so that a row is a bit for
// each j, and the next one follows from 64 bits at a time. Source: Hyyrö 2004, "Bit-parallel LCS-length computation
// revisited".
type commonRow struct {
	places [256][]uint64 // where each byte of a stands in b; nil is nowhere
	flat   []uint64      // bit j is set where L[i][j+1] equals L[i][j]; also set behind the end of b
}

// newCommonRow returns row 0: nothing of a was read.
func newCommonRow(a, b []byte) *commonRow {
	r := &commonRow{flat: make([]uint64, (len(b)+63)/64)}
	for k := range r.flat {
		r.flat[k] = ^uint64(0)
	}
	var inA [256]bool
	for _, c := range a {
		inA[c] = true
	}
	for j, c := range b {
		if !inA[c] {
			continue
		}
		if r.places[c] == nil {
			r.places[c] = make([]uint64, len(r.flat))
		}
		r.places[c][j/64] |= 1 << (j % 64)
	}
	return r
}

// step moves on by c, the next byte of a.
func (r *commonRow) step(c byte) {
	var carry uint64
	for k, places := range r.places[c] {
		v := r.flat[k]
		var sum uint64
		sum, carry = bits.Add64(v, v&places, carry)
		r.flat[k] = sum | v&^places
	}
}

// length returns L[i][len(b)].
func (r *commonRow) length() int {
	n := 0
	for _, v := range r.flat {
		n += bits.OnesCount64(^v)
	}
	return n
}

// bitTable is rows of bits without padding between them.
type bitTable struct {
	columns int
	words   []uint64
}

func newBitTable(rows, columns int) bitTable {
	return bitTable{columns: columns, words: make([]uint64, rows*columns/64+1)}
}

// setRow sets the bits of row i that are clear in flat.
func (t bitTable) setRow(i int, flat []uint64) {
	at, shift := i*t.columns/64, i*t.columns%64
	for k, v := range flat {
		t.words[at+k] |= ^v << shift
		if high := ^v >> (64 - shift); high != 0 {
			t.words[at+k+1] |= high
		}
	}
}

func (t bitTable) bit(i, j int) bool {
	at := i*t.columns + j
	return t.words[at/64]>>(at%64)&1 != 0
}
