package storage

import (
	"bytes"
	"fmt"
	"testing"
	"unsafe"
)

// versions returns how many there are.
func (r *row) versions() (n int) {
	if r.seq != undone {
		n++
	}
	if r.wasSeq != 0 {
		n++
	}
	for v := r.older; v != nil; v = v.older {
		n++
	}
	return n
}

// TestRowVersions writes a row and undoes it at random, and compares what it is in all states that may be asked for.
func TestRowVersions(t *testing.T) {
	rnd := newRand(t)
	for range 200 {
		r, was, oldest := row{seq: undone}, [][]byte{nil}, 0 // what the row is in each state
		for range 40 {
			seq, settled := len(was), r.seq <= uint64(oldest)
			value := [][]byte{nil, {}, fmt.Append(nil, seq)}[rnd.IntN(3)]
			for range rnd.IntN(3) {
				r.replace(fmt.Append(nil, "not kept"), uint64(seq), uint64(oldest))
			}
			r.replace(value, uint64(seq), uint64(oldest))
			if settled && r.versions() > 2 {
				t.Fatalf("%d versions in state %d, and nobody asks for one before %d", r.versions(), seq, oldest)
			}
			if rnd.IntN(4) == 0 {
				r.undo()
				was = append(was, was[seq-1])
			} else {
				was = append(was, value)
			}
			oldest += rnd.IntN(len(was) - oldest)
			for s := oldest; s < len(was); s++ {
				got, known := r.in(uint64(s))
				if !bytes.Equal(got, was[s]) || (got == nil) != (was[s] == nil) || !known && was[s] != nil {
					t.Fatalf("in state %d the row is %q (%v), want %q", s, got, known, was[s])
				}
			}
		}
	}
}

// TestRowLines: a row lies in one line of the processor's cache.
func TestRowLines(t *testing.T) {
	if n := unsafe.Sizeof(row{}); n != lineBytes {
		t.Errorf("a row has %d bytes", n)
	}
	table := &rowTable{}
	for i := range uint64(10 * chunkRows) {
		if at := uintptr(unsafe.Pointer(table.add(i))) % lineBytes; at != 0 {
			t.Fatalf("row %d is at %d of its line", i, at)
		}
	}
}
