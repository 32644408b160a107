package memtable

import "unsafe"

// Row is a row of a Table: its key, the newest version, which stays where it is, and the one before that; others follow
// in a list. A version is what the row is from a state on; a nil value is an absent row.
//
// A row fills one line of a processor's cache, as what is looked up among many rows costs a miss for each line that it
// lies in. That is why there are no slices in it. Key and value lie in one block where that is possible.
type Row struct {
	keyAt, valueAt, prevAt    *byte // nil: the version is absent
	keyLen, valueLen, prevLen uint32
	seq                       uint64 // the newest version's state
	prevSeq                   uint64 // that of the one before; 0 when there is none
	older                     *version
}

// lineBytes is how much of memory a processor takes at a time.
const lineBytes = 64

// version is one that a row had before the two which are in it.
type version struct {
	value []byte
	seq   uint64
	older *version
}

// undone is the seq of a row that no state has any more; its key is in the index for ever.
const undone = 1<<64 - 1

// Key returns the Pebble key of the row.
func (r *Row) Key() []byte { return unsafe.Slice(r.keyAt, r.keyLen) }

func (r *Row) value() []byte { return unsafe.Slice(r.valueAt, r.valueLen) }
func (r *Row) prev() []byte  { return unsafe.Slice(r.prevAt, r.prevLen) }

func (r *Row) setKey(pkey []byte) { r.keyAt, r.keyLen = unsafe.SliceData(pkey), uint32(len(pkey)) }
func (r *Row) setValue(value []byte) {
	r.valueAt, r.valueLen = unsafe.SliceData(value), uint32(len(value))
}
func (r *Row) setPrev(value []byte) {
	r.prevAt, r.prevLen = unsafe.SliceData(value), uint32(len(value))
}

// fill makes value the only version of the row, from state seq on.
func (r *Row) fill(pkey, value []byte, seq uint64) {
	r.setKey(pkey)
	r.setValue(value)
	r.seq = seq
}

// in returns what the row is in state seq, and since which state; that is 0 when seq is older than all its versions, or
// when there is no row.
func (r *Row) in(seq uint64) (value []byte, since uint64) {
	switch {
	case r == nil:
		return nil, 0
	case r.seq <= seq:
		return r.value(), r.seq
	case r.prevSeq != 0 && r.prevSeq <= seq:
		return r.prev(), r.prevSeq
	}
	for v := r.older; v != nil; v = v.older {
		if v.seq <= seq {
			return v.value, v.seq
		}
	}
	return nil, 0
}

// Versions returns how many versions the row keeps.
func (r *Row) Versions() (n int) {
	if r.seq != undone {
		n++
	}
	if r.prevSeq != 0 {
		n++
	}
	for v := r.older; v != nil; v = v.older {
		n++
	}
	return n
}

// replace makes value what the row is from state seq on, the newest. Nobody asks for a state before oldest.
func (r *Row) replace(value []byte, seq, oldest uint64) {
	switch r.seq {
	case seq:
	case undone:
		r.seq = seq
	default:
		if r.seq <= oldest {
			r.older = nil
		} else if r.prevSeq != 0 {
			r.older = &version{r.prev(), r.prevSeq, r.older}
		}
		r.setPrev(r.value())
		r.prevSeq, r.seq = r.seq, seq
	}
	r.setValue(value)
}

// undo takes the newest version away.
func (r *Row) undo() {
	if r.prevSeq == 0 {
		r.seq = undone
		return
	}
	r.setValue(r.prev())
	r.seq, r.prevSeq = r.prevSeq, 0
	r.setPrev(nil)
	if v := r.older; v != nil {
		r.setPrev(v.value)
		r.prevSeq, r.older = v.seq, v.older
	}
}
