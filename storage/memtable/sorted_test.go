package memtable

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"cairn/storage/hashtable"
	"cairn/storage/storagetest"
)

// TestSortedIndex: the rows of a table, whatever asks for them between two that are added.
func TestSortedIndex(t *testing.T) {
	rnd, b, want := storagetest.Rand(t), New(), map[string]bool{}
	for range 3000 {
		k := string("EMV"[rnd.IntN(3)]) + fmt.Sprint(rnd.IntN(2000))
		b.Set(hashtable.Hash([]byte(k)), nil, []byte(k), nil, 1, 0)
		want[k] = true
		if rnd.IntN(30) > 0 {
			continue
		}
		lo, hi := fmt.Sprintf("M%d", rnd.IntN(2000)), fmt.Sprintf("M%d", rnd.IntN(2000))
		if rnd.IntN(4) == 0 {
			lo, hi = "E", "W"
		}
		var got []string
		for _, run := range b.Between([]byte(lo), []byte(hi)) {
			if len(run) == 0 || !slices.IsSortedFunc(run, Sorted.Compare) {
				t.Fatalf("a run is %v", run)
			}
			got = append(got, keysOf(run)...)
		}
		slices.Sort(got)
		in := maps.Clone(want)
		maps.DeleteFunc(in, func(k string, _ bool) bool { return k < lo || k >= hi })
		if !slices.Equal(got, slices.Sorted(maps.Keys(in))) {
			t.Fatalf("between %s and %s there are %q", lo, hi, got)
		}
	}
	if all := keysOf(b.All()); !slices.Equal(all, slices.Sorted(maps.Keys(want))) {
		t.Errorf("all keys are %q", all)
	}
}

func keysOf(rows []Sorted) (keys []string) {
	for _, r := range rows {
		keys = append(keys, string(r.Key))
	}
	return keys
}
