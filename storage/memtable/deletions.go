package memtable

import (
	"bytes"
	"slices"
	"sort"
)

// Deletions are ranges of keys that were deleted, and in which states: fragments in the order of their keys, apart from
// each other. They never change; who adds to them gets others.
type Deletions []fragment

// fragment is a range that was deleted as a whole, maybe more than once.
type fragment struct {
	lo, hi []byte
	states []uint64 // in which, rising
}

// at returns the fragment that holds key, nil when none does.
func (d Deletions) at(key []byte) *fragment {
	i := sort.Search(len(d), func(i int) bool { return bytes.Compare(d[i].hi, key) > 0 })
	if i == len(d) || bytes.Compare(d[i].lo, key) > 0 {
		return nil
	}
	return &d[i]
}

// newest returns the newest state up to seq in which the fragment was deleted, 0 when there is none.
func (f *fragment) newest(seq uint64) uint64 {
	if f == nil {
		return 0
	}
	for _, s := range slices.Backward(f.states) {
		if s <= seq {
			return s
		}
	}
	return 0
}

// Newest returns the newest state up to seq in which a range that holds key was deleted, 0 when there is none.
func (d Deletions) Newest(key []byte, seq uint64) uint64 { return d.at(key).newest(seq) }

// Covers reports whether key was deleted with a range up to state seq, and where that range ends.
func (d Deletions) Covers(key []byte, seq uint64) (end []byte, ok bool) {
	f := d.at(key)
	if f.newest(seq) == 0 {
		return nil, false
	}
	return f.hi, true
}

// EachRange calls fn for the ranges that were deleted, in order; those that touch are one.
func (d Deletions) EachRange(fn func(lo, hi []byte) error) error {
	for len(d) > 0 {
		n := 1
		for n < len(d) && bytes.Equal(d[n-1].hi, d[n].lo) {
			n++
		}
		if err := fn(d[0].lo, d[n-1].hi); err != nil {
			return err
		}
		d = d[n:]
	}
	return nil
}

// with returns d and that [lo, hi) was deleted in state seq, the newest. Of the states before it none is read that is
// older than oldest or newer than published. It keeps neither lo nor hi.
func (d Deletions) with(lo, hi []byte, seq, published, oldest uint64) Deletions {
	lo, hi = bytes.Clone(lo), bytes.Clone(hi)
	i := sort.Search(len(d), func(i int) bool { return bytes.Compare(d[i].hi, lo) > 0 })
	j := sort.Search(len(d), func(j int) bool { return bytes.Compare(d[j].lo, hi) >= 0 })
	all := slices.Clone(d[:i])
	for _, f := range d[i:j] {
		if bytes.Compare(f.lo, lo) < 0 {
			all = append(all, fragment{f.lo, lo, f.states})
			f.lo = lo
		}
		if bytes.Compare(lo, f.lo) < 0 {
			all = append(all, fragment{lo, f.lo, []uint64{seq}})
		}
		end := f.hi
		if bytes.Compare(end, hi) > 0 {
			end = hi
		}
		all = append(all, fragment{f.lo, end, deletedAgain(f.states, seq, published, oldest)})
		if lo = end; bytes.Compare(end, f.hi) < 0 {
			all = append(all, fragment{end, f.hi, f.states})
		}
	}
	if bytes.Compare(lo, hi) < 0 {
		all = append(all, fragment{lo, hi, []uint64{seq}})
	}
	return append(all, d[j:]...)
}

// deletedAgain returns states and seq, but for those that nobody can tell from a later one.
func deletedAgain(states []uint64, seq, published, oldest uint64) []uint64 {
	if n := len(states) - 1; states[n] > published {
		states = states[:n]
	}
	from := 0
	for from+1 < len(states) && states[from+1] <= oldest {
		from++
	}
	return append(slices.Clone(states[from:]), seq)
}

// before returns d without what was deleted in state seq or later.
func (d Deletions) before(seq uint64) (left Deletions) {
	for _, f := range d {
		n, _ := slices.BinarySearch(f.states, seq)
		if f.states = f.states[:n]; n > 0 {
			left = append(left, f)
		}
	}
	return left
}
