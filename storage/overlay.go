package storage

import (
	"bytes"
	"slices"
	"sort"
)

// overlay is what a transaction has written, over what the store holds. It is a map for Get and Set, which every command
// needs, and puts its keys in order only when a Scan or a DeleteRange asks: an indexed batch would do that on every write.
type overlay struct {
	values map[string][]byte // the newest value by Pebble key; nil is deleted
	keys   []string          // the keys of values: the first sorted of them in order, the rest as they came
	sorted int
	ranges []keyRange // deleted ranges, in order, apart from each other; what is in values is newer

	sizeBytes int // of all that was written, also of what was replaced since
}

type keyRange struct{ lo, hi []byte }

// recordBytes is what a write costs in a batch beside its key and value, about.
const recordBytes = 12

func (o *overlay) set(key, value []byte) {
	o.sizeBytes += len(key) + len(value) + recordBytes
	if _, ok := o.values[string(key)]; !ok {
		k := string(key)
		o.keys = append(o.keys, k)
		o.values[k] = value
		return
	}
	o.values[string(key)] = value
}

// maxSpareKeys is how many keys an overlay may have held that is used again.
const maxSpareKeys = 4096

// reset empties an overlay for the next transaction; it is false when a new one is cheaper.
func (o *overlay) reset() bool {
	if len(o.keys) > maxSpareKeys {
		return false
	}
	clear(o.values)
	clear(o.keys)
	*o = overlay{values: o.values, keys: o.keys[:0]}
	return true
}

// get returns the value of key, nil when the transaction deleted it; known is false when it says nothing of key.
func (o *overlay) get(key []byte) (value []byte, known bool) {
	if v, ok := o.values[string(key)]; ok {
		return v, true
	}
	_, deleted := o.deleted(key)
	return nil, deleted
}

// deleted reports whether key is in a deleted range, and where that ends.
func (o *overlay) deleted(key []byte) (end []byte, ok bool) {
	i := sort.Search(len(o.ranges), func(i int) bool { return bytes.Compare(o.ranges[i].hi, key) > 0 })
	if i == len(o.ranges) || bytes.Compare(o.ranges[i].lo, key) > 0 {
		return nil, false
	}
	return o.ranges[i].hi, true
}

// deleteRange forgets what is in [lo, hi) and notes that it is deleted.
func (o *overlay) deleteRange(lo, hi []byte) {
	o.sizeBytes += len(lo) + len(hi) + recordBytes
	if bytes.Compare(lo, hi) >= 0 {
		return
	}
	i, j := o.bounds(lo, hi)
	for _, k := range o.keys[i:j] {
		delete(o.values, k)
	}
	o.keys = slices.Delete(o.keys, i, j)
	o.sorted = len(o.keys)

	// The ranges that touch [lo, hi) become one with it.
	i = sort.Search(len(o.ranges), func(i int) bool { return bytes.Compare(o.ranges[i].hi, lo) >= 0 })
	j = sort.Search(len(o.ranges), func(i int) bool { return bytes.Compare(o.ranges[i].lo, hi) > 0 })
	r := keyRange{bytes.Clone(lo), bytes.Clone(hi)}
	if i < j {
		r.lo = slices.MinFunc([][]byte{r.lo, o.ranges[i].lo}, bytes.Compare)
		r.hi = slices.MaxFunc([][]byte{r.hi, o.ranges[j-1].hi}, bytes.Compare)
	}
	o.ranges = slices.Replace(o.ranges, i, j, r)
}

// between returns the keys in [lo, hi), in order. The result is good until the next write.
func (o *overlay) between(lo, hi []byte) []string {
	i, j := o.bounds(lo, hi)
	return o.keys[i:j]
}

// ordered returns all keys, in order. The result is good until the next write.
func (o *overlay) ordered() []string {
	o.sort()
	return o.keys
}

// bounds puts keys in order and returns which of them are in [lo, hi).
func (o *overlay) bounds(lo, hi []byte) (i, j int) {
	o.sort()
	i, _ = slices.BinarySearch(o.keys, string(lo))
	j, _ = slices.BinarySearch(o.keys, string(hi))
	return i, max(i, j)
}

// fewKeys is how many new keys are cheaper to insert one by one than to sort all keys for.
const fewKeys = 32

func (o *overlay) sort() {
	if len(o.keys)-o.sorted > fewKeys {
		slices.Sort(o.keys)
	} else {
		for i := o.sorted; i < len(o.keys); i++ {
			k := o.keys[i]
			at, _ := slices.BinarySearch(o.keys[:i], k)
			copy(o.keys[at+1:i+1], o.keys[at:i])
			o.keys[at] = k
		}
	}
	o.sorted = len(o.keys)
}
