package storage

// room is memory for short blocks that lie one behind the other: whoever writes them has the processor fetch what comes next, and few
// of them are an allocation. Nothing of a piece is free before the last block in it is gone.
type room struct {
	rest  []byte
	piece int // bytes that were allocated last, or shall be first
}

const (
	minPiece     = 128
	maxPiece     = 32 << 10
	maxRoomBlock = maxPiece / 8 // longer ones are allocated each for itself
	blockAlign   = 16           // what the address of a block is a multiple of, so that its head often lies in one line
)

// take returns n bytes of memory, empty.
func (r *room) take(n int) []byte {
	if n > maxRoomBlock {
		return make([]byte, 0, n)
	}
	if n > len(r.rest) || r.rest == nil {
		r.piece = min(max(2*r.piece, minPiece), maxPiece)
		r.rest = make([]byte, max(r.piece, n))
	}
	block := r.rest[:0:n]
	r.rest = r.rest[min((n+blockAlign-1)&^(blockAlign-1), len(r.rest)):]
	return block
}

// copy returns a copy of b, nil of nil.
func (r *room) copy(b []byte) []byte {
	switch {
	case b == nil:
		return nil
	case len(b) > maxRoomBlock:
		return append([]byte(nil), b...) // which does not clear what it writes to
	}
	return append(r.take(len(b)), b...)
}
