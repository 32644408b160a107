package storage

// rowSlots are the slots of a hash table that are probed one after the other: a power of two of them, or none, and one at least is free.
type rowSlots []rowSlot

// rowSlot is free when at is 0; else at-1 says where a row is. The place of a slot follows from tag alone.
type rowSlot struct{ tag, at uint32 }

const minSlots = 16

func tagOf(hash uint64) uint32 { return uint32(hash >> 32) }

// hash returns the hash of the row of a slot, as far as tables look at it.
func (s rowSlot) hash() uint64 { return uint64(s.tag) << 32 }

// first returns the first slot that a look-up of this hash reads, nil when there are none. It does not look at it.
func (s rowSlots) first(hash uint64) *rowSlot {
	if len(s) == 0 {
		return nil
	}
	return &s[tagOf(hash)&uint32(len(s)-1)]
}

// find returns the number of a slot that is there.
func (s rowSlots) find(slot rowSlot) uint32 {
	mask := uint32(len(s) - 1)
	i := slot.tag & mask
	for s[i] != slot {
		i = (i + 1) & mask
	}
	return i
}

// grown returns twice as many slots with the same rows.
func (s rowSlots) grown() rowSlots {
	more := make(rowSlots, max(minSlots, 2*len(s)))
	for _, slot := range s {
		if slot.at != 0 {
			more.take(slot)
		}
	}
	return more
}

// take puts slot into the first free one from its place on.
func (s rowSlots) take(slot rowSlot) {
	mask := uint32(len(s) - 1)
	i := slot.tag & mask
	for s[i].at != 0 {
		i = (i + 1) & mask
	}
	s[i] = slot
}

// free frees slot i: those behind it that a look-up would not reach any more move up.
func (s rowSlots) free(i uint32) {
	mask := uint32(len(s) - 1)
	for j := (i + 1) & mask; s[j].at != 0; j = (j + 1) & mask {
		if (j-s[j].tag)&mask >= (j-i)&mask { // its place is not behind i
			s[i] = s[j]
			i = j
		}
	}
	s[i] = rowSlot{}
}
