package storage

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"cairn/storage/layout"
)

// A long row of data is kept in chunks, rows of their own, because Pebble builds a block, compresses it and compacts it
// whole: one row of 64 MiB took several times that, again with each compaction. Nobody but Txn and the readers below
// know of it: they put a row together when it is read, and take its chunks away when it is replaced. How many chunks a
// row has follows from its length.
const (
	chunkBytes = 256 << 10
	longRow    = 1 << 20 // from here on a row is kept in chunks
)

// chunksOf returns how many chunks a row of n bytes has.
func chunksOf(n int) int {
	if n < longRow {
		return 0
	}
	return (n + chunkBytes - 1) / chunkBytes
}

// setRow writes a row to a batch, or removes it when v is nil. had is how long the row is that it takes the place of.
func setRow(b *pebble.Batch, pkey []byte, v []byte, had int) error {
	if v == nil {
		if err := b.Delete(pkey, nil); err != nil {
			return err
		}
		return dropChunks(b, pkey, 0, chunksOf(had))
	}
	n := 0
	if layout.IsData(pkey) {
		if len(v) > 0 && layout.IsChunked(v) {
			return fmt.Errorf("storage: row %x: its first byte is 0, which no row's is", pkey)
		}
		n = chunksOf(len(v))
	}
	if err := dropChunks(b, pkey, n, chunksOf(had)); err != nil {
		return err
	}
	if n == 0 {
		return b.Set(pkey, v, nil)
	}
	for i := range n {
		chunk := v[i*chunkBytes : min(len(v), (i+1)*chunkBytes)]
		if err := b.Set(layout.AppendChunk(nil, pkey, uint32(i)), chunk, nil); err != nil {
			return err
		}
	}
	return b.Set(pkey, layout.AppendChunked(nil, uint64(len(v))), nil)
}

// dropChunks removes the chunks of a row from number from on.
func dropChunks(b *pebble.Batch, pkey []byte, from, to int) error {
	for i := from; i < to; i++ {
		if err := b.Delete(layout.AppendChunk(nil, pkey, uint32(i)), nil); err != nil {
			return err
		}
	}
	return nil
}

// joinChunks returns the row that r keeps in chunks, or v itself when it is a row.
func joinChunks(r pebble.Reader, pkey, v []byte) ([]byte, error) {
	if len(v) == 0 || !layout.IsData(pkey) || !layout.IsChunked(v) {
		return v, nil
	}
	size, err := layout.ParseChunked(v)
	if err != nil {
		return nil, fmt.Errorf("storage: row %x: %w", pkey, err)
	}
	all := make([]byte, 0, size)
	for i := range chunksOf(int(size)) {
		chunk, closer, err := r.Get(layout.AppendChunk(nil, pkey, uint32(i)))
		if err == pebble.ErrNotFound {
			return nil, fmt.Errorf("storage: row %x: %w: chunk %d is missing", pkey, layout.ErrCorrupt, i)
		}
		if err != nil {
			return nil, fmt.Errorf("storage: row %x: chunk %d: %w", pkey, i, corrupt(err))
		}
		all = append(all, chunk...)
		if err := closer.Close(); err != nil {
			return nil, err
		}
	}
	if uint64(len(all)) != size {
		return nil, fmt.Errorf("storage: row %x: %w: %d bytes of %d", pkey, layout.ErrCorrupt, len(all), size)
	}
	return all, nil
}

// deleteRange removes the rows in [lo, hi) with their chunks.
func deleteRange(b *pebble.Batch, lo, hi []byte) error {
	if lo[0] <= layout.TagKey && hi[0] >= layout.TagPart { // there may be data in it
		chunks := append([]byte{layout.TagChunk}, lo...)
		if err := b.DeleteRange(chunks, append([]byte{layout.TagChunk}, hi...), nil); err != nil {
			return err
		}
	}
	return b.DeleteRange(lo, hi, nil)
}
