package memtable

import (
	"bytes"
	"fmt"
	"testing"
	"unsafe"

	"cairn/storage/storagetest"
)

// TestRowVersions writes a row and undoes it at random, and compares what it is in all states that may be asked for.
func TestRowVersions(t *testing.T) {
	rnd := storagetest.Rand(t)
	for range 200 {
		r, was, oldest := Row{seq: undone}, [][]byte{nil}, 0 // what the row is in each state
		for range 40 {
			seq, settled := len(was), r.seq <= uint64(oldest)
			value := [][]byte{nil, {}, fmt.Append(nil, seq)}[rnd.IntN(3)]
			for range rnd.IntN(3) {
				r.replace(fmt.Append(nil, "not kept"), uint64(seq), uint64(oldest))
			}
			r.replace(value, uint64(seq), uint64(oldest))
			if settled && r.Versions() > 2 {
				t.Fatalf("%d versions in state %d, and nobody asks for one before %d", r.Versions(), seq, oldest)
			}
			if rnd.IntN(4) == 0 {
				r.undo()
				was = append(was, was[seq-1])
			} else {
				was = append(was, value)
			}
			oldest += rnd.IntN(len(was) - oldest)
			for s := oldest; s < len(was); s++ {
				got, since := r.in(uint64(s))
				if !bytes.Equal(got, was[s]) || (got == nil) != (was[s] == nil) || since == 0 && was[s] != nil {
					t.Fatalf("in state %d the row is %q (since %d), want %q", s, got, since, was[s])
				}
			}
		}
	}
}

// TestRowLines: a row lies in one line of the processor's cache.
func TestRowLines(t *testing.T) {
	if n := unsafe.Sizeof(Row{}); n != lineBytes {
		t.Errorf("a row has %d bytes", n)
	}
	table := &hashIndex{}
	for i := range uint64(10 * chunkRows) {
		if at := uintptr(unsafe.Pointer(table.addRow(i))) % lineBytes; at != 0 {
			t.Fatalf("row %d is at %d of its line", i, at)
		}
	}
}
