// Package arena is memory for short blocks that lie one behind the other: whoever writes them has the processor fetch
// what comes next, and few of them are an allocation.
package arena

// Arena gives blocks out of larger pieces. Nothing of a piece is free before the last block in it is gone. The zero
// value is ready; it is for one goroutine.
type Arena struct {
	rest  []byte
	piece int // bytes that were allocated last, or shall be first
}

const (
	minPiece   = 128
	maxPiece   = 32 << 10
	maxBlock   = maxPiece / 8 // longer ones are allocated each for itself
	blockAlign = 16           // what the address of a block is a multiple of, so that its head often lies in one line
)

// New returns an arena for many blocks: its first piece is as long as pieces become.
func New() Arena { return Arena{piece: maxPiece} }

// Take returns an empty slice with room for n bytes, which is the caller's.
func (a *Arena) Take(n int) []byte {
	if n > maxBlock {
		return make([]byte, 0, n)
	}
	if n > len(a.rest) || a.rest == nil {
		a.piece = min(max(2*a.piece, minPiece), maxPiece)
		a.rest = make([]byte, max(a.piece, n))
	}
	block := a.rest[:0:n]
	a.rest = a.rest[min((n+blockAlign-1)&^(blockAlign-1), len(a.rest)):]
	return block
}

// Copy returns a copy of b, nil of nil.
func (a *Arena) Copy(b []byte) []byte {
	switch {
	case b == nil:
		return nil
	case len(b) > maxBlock:
		return append([]byte(nil), b...) // which does not clear what it writes to
	}
	return append(a.Take(len(b)), b...)
}
