package storage

import (
	"bytes"
	"slices"
	"sort"
)

// ranges are what a transaction has deleted range by range: in order, apart from each other.
type ranges []keyRange

type keyRange struct{ lo, hi []byte }

// holds reports whether key is in one of them, and where that ends.
func (rs ranges) holds(key []byte) (end []byte, ok bool) {
	i := sort.Search(len(rs), func(i int) bool { return bytes.Compare(rs[i].hi, key) > 0 })
	if i == len(rs) || bytes.Compare(rs[i].lo, key) > 0 {
		return nil, false
	}
	return rs[i].hi, true
}

// add adds [lo, hi). The ranges that touch it become one with it.
func (rs *ranges) add(lo, hi []byte) {
	all := *rs
	i := sort.Search(len(all), func(i int) bool { return bytes.Compare(all[i].hi, lo) >= 0 })
	j := sort.Search(len(all), func(i int) bool { return bytes.Compare(all[i].lo, hi) > 0 })
	r := keyRange{bytes.Clone(lo), bytes.Clone(hi)}
	if i < j {
		r.lo = slices.MinFunc([][]byte{r.lo, all[i].lo}, bytes.Compare)
		r.hi = slices.MaxFunc([][]byte{r.hi, all[j-1].hi}, bytes.Compare)
	}
	*rs = slices.Replace(all, i, j, r)
}
