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
	mu   sync.Mutex
	tags [256]*rowRuns
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

func (f freshRow) ordered() bufferRow {
	f.shard.mu.RLock()
	defer f.shard.mu.RUnlock()
	return newBufferRow(f.row.key, f.row)
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
		for _, run := range slices.Backward(r.ordered()) {
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
			for _, rows := range r.ordered() {
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
func (r *rowRuns) ordered() [][]bufferRow {
	if len(r.fresh) > 0 {
		run := make([]bufferRow, len(r.fresh))
		for i, f := range r.fresh {
			run[i] = f.ordered()
		}
		slices.SortFunc(run, bufferRow.compare)
		r.runs, r.fresh = append(r.runs, run), nil
	}
	for n := len(r.runs); n > 1 && len(r.runs[n-2]) <= 2*len(r.runs[n-1]); n-- {
		r.runs = append(r.runs[:n-2:n-2], mergeRows(r.runs[n-2], r.runs[n-1]))
	}
	return r.runs
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
