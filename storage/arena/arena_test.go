package arena

import (
	"bytes"
	"testing"
	"unsafe"

	"cairn/storage/storagetest"
)

// TestArena: blocks of an arena do not grow into each other, whatever their length, and few of them are an allocation.
func TestArena(t *testing.T) {
	rnd, r, blocks := storagetest.Rand(t), &Arena{}, [][]byte{}
	for i := range 3000 {
		n := []int{0, 1, 15, 16, 17, 100, maxBlock, maxBlock + 1}[rnd.IntN(8)]
		block := r.Take(n)
		if block == nil || len(block) != 0 || cap(block) < n {
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
	got := testing.AllocsPerRun(10, func() {
		for r := (Arena{}); cap(r.rest) < maxPiece/2; {
			r.Take(100)
		}
	})
	if got > 10 {
		t.Errorf("%v allocations until pieces are as long as they become", got)
	}
}
