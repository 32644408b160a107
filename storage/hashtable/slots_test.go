package hashtable

import (
	"math/rand/v2"
	"testing"
)

// TestSlots takes and frees slots at random, with tags that meet: each that is taken is found from its place on, with
// no free one before it.
func TestSlots(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	s, there := Slots(nil).Grown(), map[Slot]bool{}
	for at := uint32(1); at < 4_000; at++ {
		if rnd.IntN(2) == 0 {
			slot := Slot{Tag(uint64(rnd.IntN(40)+MinSlots-20) << 32), at}
			if 4*(len(there)+1) > 3*len(s) && len(s) < 256 {
				s = s.Grown()
			}
			if len(there)+1 < len(s) {
				s.Take(slot)
				there[slot] = true
			}
		} else {
			for slot := range there {
				s.Free(s.Find(slot))
				delete(there, slot)
				break
			}
		}
		taken := 0
		for _, slot := range s {
			if slot.At != 0 {
				taken++
			}
		}
		if taken != len(there) {
			t.Fatalf("%d slots are taken, want %d, seed %d", taken, len(there), seed)
		}
		for slot := range there {
			for at := s.First(slot.Hash()); *at != slot; at = s.after(at) {
				if at.At == 0 {
					t.Fatalf("%v is not found, seed %d", slot, seed)
				}
			}
		}
	}
}

// after returns the slot behind one.
func (s Slots) after(at *Slot) *Slot {
	for i := range s {
		if at == &s[i] {
			return &s[(i+1)%len(s)]
		}
	}
	return nil
}
