package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sync"
)

// rowIndex puts the rows of a buffer in order, when somebody asks, tag by tag: the sweeper looks at expiries only.
type rowIndex struct {
	mu     sync.Mutex
	tags   [256]*rowRuns
	shards *[rowShards]bufferShard // the locks of the rows, taken after mu
}

// bufferRow is a row of a buffer in its order. Its newest version may be undone.
type bufferRow struct {
	first  uint64 // the first 8 bytes of key: most comparisons need no more, and stay away from the row
	key    []byte
	newest *row
}

func newBufferRow(key []byte, r *row) bufferRow {
	var first [8]byte
	copy(first[:], key)
	return bufferRow{binary.BigEndian.Uint64(first[:]), key, r}
}

func (r bufferRow) compare(s bufferRow) int {
	if r.first != s.first {
		return cmp.Compare(r.first, s.first)
	}
	return bytes.Compare(r.key, s.key)
}

// rowRuns are the rows of a tag: in runs, each in order and each more than twice as long as the next, and as they came.
type rowRuns struct {
	runs  [][]bufferRow
	fresh []freshRow
}

// freshRow is a row whose key nobody has asked for yet: it is read under the lock, for the key moves from block to block.
type freshRow struct {
	row   *row
	shard *bufferShard
}

func (x *rowIndex) add(tag byte, row freshRow) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.tags[tag]
	if r == nil {
		r = &rowRuns{}
		x.tags[tag] = r
	}
	r.fresh = append(r.fresh, row)
}

// all returns the rows in order.
func (x *rowIndex) all() (rows []bufferRow) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.tags {
		if r == nil {
			continue
		}
		var ordered []bufferRow
		for _, run := range slices.Backward(r.ordered(x.shards)) {
			ordered = mergeRows(run, ordered)
		}
		rows = append(rows, ordered...)
	}
	return rows
}

// between returns the rows in [lo, hi) as runs, each in order.
func (x *rowIndex) between(lo, hi []byte) (runs [][]bufferRow) {
	x.mu.Lock()
	defer x.mu.Unlock()
	from, to := newBufferRow(lo, nil), newBufferRow(hi, nil)
	for tag, r := range x.tags {
		if r != nil && tag >= int(lo[0]) && tag <= int(hi[0]) {
			for _, rows := range r.ordered(x.shards) {
				i, _ := slices.BinarySearchFunc(rows, from, bufferRow.compare)
				j, _ := slices.BinarySearchFunc(rows, to, bufferRow.compare)
				if i < j {
					runs = append(runs, rows[i:j])
				}
			}
		}
	}
	return runs
}

// ordered makes a run of the fresh rows. Each row is merged a few times at most: a run is joined to one of about its length.
func (r *rowRuns) ordered(shards *[rowShards]bufferShard) [][]bufferRow {
	if len(r.fresh) > 0 {
		run := readKeys(r.fresh, shards)
		run = presort(run)
		slices.SortFunc(run, bufferRow.compare)
		r.runs, r.fresh = append(r.runs, run), nil
	}
	for n := len(r.runs); n > 1 && len(r.runs[n-2]) <= 2*len(r.runs[n-1]); n-- {
		r.runs = append(r.runs[:n-2:n-2], mergeRows(r.runs[n-2], r.runs[n-1]))
	}
	return r.runs
}

// readKeys returns fresh rows with their keys. When they are many, no lock stands between one and the next: the processor waits for the
// memory of several at a time.
func readKeys(fresh []freshRow, shards *[rowShards]bufferShard) []bufferRow {
	rows := make([]bufferRow, len(fresh))
	if len(fresh) < rowShards {
		for i, f := range fresh {
			f.shard.mu.Lock()
			rows[i] = newBufferRow(f.row.key(), f.row)
			f.shard.mu.Unlock()
		}
		return rows
	}
	for i := range shards {
		shards[i].mu.Lock()
	}
	for i, f := range fresh {
		rows[i] = newBufferRow(f.row.key(), f.row)
	}
	for i := range shards {
		shards[i].mu.Unlock()
	}
	return rows
}

// presort returns many rows in nearly their order, by sorting numbers: 40 bits of the key behind its tag, and which row it is. That puts
// nearly all key rows where they belong, in a third of the time.
func presort(rows []bufferRow) []bufferRow {
	const indexBits = 24
	if len(rows) < 64 || len(rows) >= 1<<indexBits {
		return rows
	}
	order := make([]uint64, len(rows))
	for i, r := range rows {
		order[i] = r.first<<8>>indexBits<<indexBits | uint64(i)
	}
	slices.Sort(order)
	sorted := make([]bufferRow, len(rows))
	for i, o := range order {
		sorted[i] = rows[o&(1<<indexBits-1)]
	}
	return sorted
}

// mergeRows returns the rows of a and b, which have none in common, in order.
func mergeRows(a, b []bufferRow) []bufferRow {
	if len(a) == 0 || len(b) == 0 {
		return append(a, b...)
	}
	all := make([]bufferRow, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].compare(b[0]) < 0 {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}
