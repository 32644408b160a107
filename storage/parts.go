package storage

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"cairn/storage/layout"
)

// A long key row is kept in parts, rows of their own, because Pebble builds a block, compresses it and compacts it whole: one
// row of 64 MiB took several times that, again with each compaction. Nobody but Txn and the readers below know of it: they put
// a row together when it is read, and take its parts away when it is replaced. How many parts a row has follows from its length.
const (
	partBytes = 256 << 10
	longRow   = 1 << 20 // from here on a row is kept in parts
)

// partsOf returns how many parts a key row of n bytes has.
func partsOf(n int) int {
	if n < longRow {
		return 0
	}
	return (n + partBytes - 1) / partBytes
}

// setRow writes a row to a batch, or removes it when v is nil. had is how long the row is that it takes the place of.
func setRow(b *pebble.Batch, pkey []byte, v []byte, had int) error {
	if v == nil {
		if err := b.Delete(pkey, nil); err != nil {
			return err
		}
		return dropParts(b, pkey, 0, partsOf(had))
	}
	n := 0
	if pkey[0] == layout.TagKey {
		if len(v) > 0 && layout.IsParted(v) {
			return fmt.Errorf("storage: row %x: its first byte is 0, which no row's is", pkey)
		}
		n = partsOf(len(v))
	}
	if err := dropParts(b, pkey, n, partsOf(had)); err != nil {
		return err
	}
	if n == 0 {
		return b.Set(pkey, v, nil)
	}
	for i := range n {
		part := v[i*partBytes : min(len(v), (i+1)*partBytes)]
		if err := b.Set(layout.AppendPart(nil, pkey, uint32(i)), part, nil); err != nil {
			return err
		}
	}
	return b.Set(pkey, layout.AppendParted(nil, uint64(len(v))), nil)
}

// dropParts removes the parts of a row from number from on.
func dropParts(b *pebble.Batch, pkey []byte, from, to int) error {
	for i := from; i < to; i++ {
		if err := b.Delete(layout.AppendPart(nil, pkey, uint32(i)), nil); err != nil {
			return err
		}
	}
	return nil
}

// joinParts returns the key row that r keeps in parts, or v itself when it is a row.
func joinParts(r pebble.Reader, pkey, v []byte) ([]byte, error) {
	if len(v) == 0 || pkey[0] != layout.TagKey || !layout.IsParted(v) {
		return v, nil
	}
	size, err := layout.ParseParted(v)
	if err != nil {
		return nil, fmt.Errorf("storage: row %x: %w", pkey, err)
	}
	all := make([]byte, 0, size)
	for i := range partsOf(int(size)) {
		part, closer, err := r.Get(layout.AppendPart(nil, pkey, uint32(i)))
		if err == pebble.ErrNotFound {
			return nil, fmt.Errorf("storage: row %x: %w: part %d is missing", pkey, layout.ErrCorrupt, i)
		}
		if err != nil {
			return nil, fmt.Errorf("storage: row %x: part %d: %w", pkey, i, corrupt(err))
		}
		all = append(all, part...)
		if err := closer.Close(); err != nil {
			return nil, err
		}
	}
	if uint64(len(all)) != size {
		return nil, fmt.Errorf("storage: row %x: %w: %d bytes of %d", pkey, layout.ErrCorrupt, len(all), size)
	}
	return all, nil
}

// partsRange returns the range of all parts of the key rows in [lo, hi); ok is false when there are no key rows in it.
func partsRange(r keyRange) (parts keyRange, ok bool) {
	if r.lo[0] != layout.TagKey {
		return keyRange{}, false
	}
	parts.lo = append([]byte{layout.TagPart}, r.lo[1:]...)
	if parts.hi = []byte{layout.TagPart + 1}; r.hi[0] == layout.TagKey {
		parts.hi = append([]byte{layout.TagPart}, r.hi[1:]...)
	}
	return parts, true
}
