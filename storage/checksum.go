package storage

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"cairn/storage/layout"
)

// Checksum sums a state up: two states with one checksum are the same.
type Checksum [20]byte

// String returns 40 hexadecimal digits, as Redis's DEBUG DIGEST has them.
func (c Checksum) String() string { return hex.EncodeToString(c[:]) }

// checksumRows is how many rows are summed between two looks at the context.
const checksumRows = 1024

// Checksum sums up what the log has made of the state that the view shows: the state row and every row of parts,
// expiries, keys and pieces of a large entry, those of expired keys that were not removed yet too. What is a node's
// own is left out, as its snapshot record is. It reads the whole state, a row at a time, and ends with the context's
// error when that ends.
//
// It is the first 20 bytes of SHA-256 over
//
//	state | pieces | rows × ( len(key) uvarint | key | len(value) uvarint | value )
func (v *View) Checksum(ctx context.Context) (sum Checksum, err error) {
	h := sha256.New()
	w := bufio.NewWriterSize(h, 64<<10)
	_, _ = w.Write(layout.AppendState(nil, v.State())) // a hash takes everything
	pieces, err := v.Get([]byte(layout.PiecesRow))
	if err != nil {
		return sum, err
	}
	_, _ = w.Write(pieces)
	rows, n := 0, make([]byte, 0, binary.MaxVarintLen64)
	for _, tag := range [...]byte{layout.TagPart, layout.TagExpiry, layout.TagKey, layout.TagPiece} {
		err := v.Scan([]byte{tag}, []byte{tag + 1}, func(key, value []byte) (bool, error) {
			if rows++; rows%checksumRows == 0 && ctx.Err() != nil {
				return false, ctx.Err()
			}
			for _, part := range [...][]byte{key, value} {
				_, _ = w.Write(binary.AppendUvarint(n, uint64(len(part))))
				_, _ = w.Write(part)
			}
			return true, nil
		})
		if err != nil {
			return sum, fmt.Errorf("storage: checksum: %w", err)
		}
	}
	_ = w.Flush()
	copy(sum[:], h.Sum(nil))
	return sum, ctx.Err()
}
