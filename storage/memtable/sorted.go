package memtable

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sync"

	"cairn/storage/hashtable"
)

// sortedIndex puts the rows of a table in the order of their keys when somebody asks for it, tag by tag. See Table.
type sortedIndex struct {
	mu     sync.Mutex
	tags   [256]*sortedRuns
	shards *[hashtable.Shards]shard // the locks of the rows, taken after mu
}

// Sorted is a row in the order of the keys. Its newest version may be undone.
type Sorted struct {
	first uint64 // the first 8 bytes of key: most comparisons need no more, and stay away from the row
	Key   []byte
	Row   *Row
}

func newSorted(key []byte, r *Row) Sorted {
	var first [8]byte
	copy(first[:], key)
	return Sorted{binary.BigEndian.Uint64(first[:]), key, r}
}

// Compare compares the keys.
func (r Sorted) Compare(s Sorted) int {
	if r.first != s.first {
		return cmp.Compare(r.first, s.first)
	}
	return bytes.Compare(r.Key, s.Key)
}

// sortedRuns are the rows of a tag: in runs, each in order and each more than twice as long as the next, and as they
// came.
type sortedRuns struct {
	runs  [][]Sorted
	fresh []freshRow
}

// freshRow is a row whose key nobody has asked for yet: it is read under the lock, for the key moves from block to
// block.
type freshRow struct {
	row   *Row
	shard *shard
}

func (x *sortedIndex) addFresh(tag byte, row freshRow) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.tags[tag]
	if r == nil {
		r = &sortedRuns{}
		x.tags[tag] = r
	}
	r.fresh = append(r.fresh, row)
}

// All returns the rows in the order of their keys. It is for a sealed table.
func (t *Table) All() []Sorted { return t.sorted.allRows() }

// Between returns the rows in [lo, hi) as runs, each in the order of the keys. Their newest version may be newer than
// what the caller reads. The runs are not to be changed.
func (t *Table) Between(lo, hi []byte) (runs [][]Sorted) { return t.sorted.between(lo, hi) }

func (x *sortedIndex) allRows() (rows []Sorted) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.tags {
		if r == nil {
			continue
		}
		var ordered []Sorted
		for _, run := range slices.Backward(r.ordered(x.shards)) {
			ordered = mergeRows(run, ordered)
		}
		rows = append(rows, ordered...)
	}
	return rows
}

func (x *sortedIndex) between(lo, hi []byte) (runs [][]Sorted) {
	x.mu.Lock()
	defer x.mu.Unlock()
	from, to := newSorted(lo, nil), newSorted(hi, nil)
	for tag, r := range x.tags {
		if r != nil && tag >= int(lo[0]) && tag <= int(hi[0]) {
			for _, rows := range r.ordered(x.shards) {
				i, _ := slices.BinarySearchFunc(rows, from, Sorted.Compare)
				j, _ := slices.BinarySearchFunc(rows, to, Sorted.Compare)
				if i < j {
					runs = append(runs, rows[i:j])
				}
			}
		}
	}
	return runs
}

// ordered makes a run of the fresh rows. Each row is merged a few times at most: a run is joined to one of about its
// length.
func (r *sortedRuns) ordered(shards *[hashtable.Shards]shard) [][]Sorted {
	if len(r.fresh) > 0 {
		run := readKeys(r.fresh, shards)
		run = presort(run)
		slices.SortFunc(run, Sorted.Compare)
		r.runs, r.fresh = append(r.runs, run), nil
	}
	for n := len(r.runs); n > 1 && len(r.runs[n-2]) <= 2*len(r.runs[n-1]); n-- {
		r.runs = append(r.runs[:n-2:n-2], mergeRows(r.runs[n-2], r.runs[n-1]))
	}
	return r.runs
}

// readKeys returns fresh rows with their keys. When they are many, no lock stands between one and the next: the
// processor waits for the memory of several at a time.
func readKeys(fresh []freshRow, shards *[hashtable.Shards]shard) []Sorted {
	rows := make([]Sorted, len(fresh))
	if len(fresh) < hashtable.Shards {
		for i, f := range fresh {
			f.shard.mu.Lock()
			rows[i] = newSorted(f.row.Key(), f.row)
			f.shard.mu.Unlock()
		}
		return rows
	}
	for i := range shards {
		shards[i].mu.Lock()
	}
	for i, f := range fresh {
		rows[i] = newSorted(f.row.Key(), f.row)
	}
	for i := range shards {
		shards[i].mu.Unlock()
	}
	return rows
}

// presort returns many rows in nearly their order, by sorting numbers: 40 bits of the key behind what all keys have in
// common (a tag and a keyspace, and for the parts of one collection its id), and which row it is. That puts nearly all
// rows where they belong, in a third of the time.
func presort(rows []Sorted) []Sorted {
	const indexBits = 24
	if len(rows) < 64 || len(rows) >= 1<<indexBits {
		return rows
	}
	order := make([]uint64, len(rows))
	skip := commonPrefix(rows)
	for i, r := range rows {
		var next [8]byte
		copy(next[:], r.Key[skip:])
		order[i] = binary.BigEndian.Uint64(next[:])>>indexBits<<indexBits | uint64(i)
	}
	slices.Sort(order)
	sorted := make([]Sorted, len(rows))
	for i, o := range order {
		sorted[i] = rows[o&(1<<indexBits-1)]
	}
	return sorted
}

// commonPrefix returns how long the beginning is that all keys share.
func commonPrefix(rows []Sorted) int {
	n := len(rows[0].Key)
	for _, r := range rows[1:] {
		n = min(n, len(r.Key))
		for i := range n {
			if r.Key[i] != rows[0].Key[i] {
				n = i
				break
			}
		}
	}
	return n
}

// mergeRows returns the rows of a and b, which have none in common, in order.
func mergeRows(a, b []Sorted) []Sorted {
	if len(a) == 0 || len(b) == 0 {
		return append(a, b...)
	}
	all := make([]Sorted, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].Compare(b[0]) < 0 {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}
