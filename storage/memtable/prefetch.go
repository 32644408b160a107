package memtable

import (
	"cairn/storage/hashtable"
	"cairn/storage/layout"
)

// MaxPrefetch is how many rows are brought near at a time at most: as many as the nearest cache has room for.
const MaxPrefetch = 64

// Candidates puts into rows the rows that Find would look at first, for those of at most MaxPrefetch hashes of which
// rows has none yet. It looks at no row, so that may be the row of another key. It is for the writer, or for a sealed
// table.
func (t *Table) Candidates(hashes []uint64, rows []*Row) {
	var buckets [MaxPrefetch]*hashtable.Bucket
	n := 0
	for i, h := range hashes {
		if rows[i] == nil {
			if s := t.shard(h).rows.buckets.First(h); s != nil {
				buckets[n] = s
				n++
			}
		}
	}
	sum := uint32(0)
	for _, s := range buckets[:n] {
		sum += s.At
	}
	hashtable.Touched(int(sum))
	for i, h := range hashes {
		if rows[i] == nil {
			rows[i] = t.shard(h).rows.candidate(h)
		}
	}
}

// Touch looks at at most MaxPrefetch rows, some of which may be nil, and at the bytes of them that somebody who looks
// them up will look at. It is for the writer, or for rows of a sealed table.
func Touch(rows []*Row) {
	sum := uint32(0)
	for _, r := range rows {
		if r != nil {
			sum += r.keyLen
		}
	}
	hashtable.Touched(int(sum))
	var heads [2 * MaxPrefetch]*byte
	n := 0
	for _, r := range rows {
		if r != nil && r.keyLen > 0 {
			heads[n], heads[n+1] = r.keyAt, r.keyAt
			if r.valueLen > 0 {
				heads[n+1] = &r.value()[min(r.valueLen, layout.MaxRowHead)-1]
			}
			n += 2
		}
	}
	for _, at := range heads[:n] {
		sum += uint32(*at)
	}
	hashtable.Touched(int(sum))
}

// Hashed is a row with the hash of its key, as far as buckets know it: see hashtable.Bucket.
type Hashed struct {
	Hash uint64
	Row  *Row
}

// Batches calls fn with the rows of a shard of a sealed table, at most MaxPrefetch at a time, in the order of their
// buckets: another table of the same shard that is written to in that order is gone through once. It looks at no row.
// fn does not keep the slice.
func (t *Table) Batches(shard int, fn func(rows []Hashed)) {
	x := &t.shards[shard].rows
	batch := make([]Hashed, 0, MaxPrefetch)
	for _, bucket := range x.buckets {
		if bucket.At == 0 {
			continue
		}
		if batch = append(batch, Hashed{bucket.Hash(), x.row(bucket.At - 1)}); len(batch) == MaxPrefetch {
			fn(batch)
			batch = batch[:0]
		}
	}
	if len(batch) > 0 {
		fn(batch)
	}
}
