package storage

import (
	"bytes"
	"fmt"
	"testing"
	"unsafe"

	"cairn/storage/layout"
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

// TestBlocks: blocks of a buffer do not grow into each other, whatever their length.
func TestBlocks(t *testing.T) {
	rnd, b, blocks := newRand(t), newBuffer(), [][]byte{}
	for i := range 3000 {
		n := []int{0, 1, 15, 16, 17, 100, maxRoomBlock, maxRoomBlock + 1}[rnd.IntN(8)]
		block := b.block(n)
		if len(block) != 0 || cap(block) < n {
			t.Fatalf("%d bytes were wanted, %d of %d are there", n, len(block), cap(block))
		}
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(block))) % blockAlign; n > 0 && at != 0 {
			t.Fatalf("a block of %d bytes is at %d of %d", n, at, blockAlign)
		}
		for len(block) < n {
			block = append(block, byte(i))
		}
		blocks = append(blocks, block)
	}
	for i, block := range blocks {
		_ = append(block, ^byte(i+1)) // which would be the next one's first byte
	}
	for i, block := range blocks {
		if c := bytes.Count(block, []byte{byte(i)}); c != len(block) {
			t.Errorf("block %d has changed: %d of %d bytes are left", i, c, len(block))
		}
	}
}

// TestCacheHasItsOwn: what the cache takes over from a buffer keeps nothing of the buffer's room.
func TestCacheHasItsOwn(t *testing.T) {
	for _, n := range []int{0, 64, maxRoomBlock, 2 * maxRoomBlock} {
		b, c, k := newBuffer(), newRowCache(64<<20), append([]byte{layout.TagKey}, "k"...)
		key, value := b.join(k, bytes.Repeat([]byte{1}, n))
		row := b.set(hashOf(k), nil, key, value, 1, 0)
		c.putAll(b, 1)
		kept := c.shard(hashOf(k)).young.find(hashOf(k), k)
		if kept == nil || !bytes.Equal(kept.value(), value) {
			t.Fatalf("%d bytes: the cache has %v", n, kept)
		}
		if shared := kept.keyAt == row.keyAt; shared != (len(k)+n > maxRoomBlock) {
			t.Errorf("%d bytes: the cache shares the buffer's block: %v", n, shared)
		}
	}
}
