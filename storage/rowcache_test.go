package storage

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
)

// TestRowCacheShowsEachViewItsState keeps views of many states open while rows change, are deleted, in ranges too,
// and are forgotten: each view must show its own state, whatever the cache holds.
func TestRowCacheShowsEachViewItsState(t *testing.T) {
	for _, size := range []int64{1, 20 << 10, 256 << 10, 1 << 20} {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("bytes=%d/seed=%d", size, seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			s, err := Open("/s", Options{FS: vfs.NewMem(), RowCacheBytes: size, MemTableBytes: 256 << 10})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			type seen struct {
				view  *View
				model map[string]string
			}
			model := map[string]string{}
			var views []seen
			defer func() { // Close of the store waits for them, after a failure too
				for _, at := range views {
					at.view.Close()
				}
			}()
			key := func() []byte {
				k := fmt.Append(nil, "k", rng.IntN(20))
				if rng.IntN(2) == 0 {
					return layout.AppendPart(nil, 0, 1, k)
				}
				return layout.AppendKey(nil, 0, k)
			}
			kept := 0 // rows in the cache, each time
			for index := range uint64(400) {
				changeRows(t, s, rng, model, key, index+1)
				v, err := s.View(0)
				if err != nil {
					t.Fatal(err)
				}
				copied := map[string]string{}
				for k, v := range model {
					copied[k] = v
				}
				views = append(views, seen{v, copied})
				for range 20 {
					at := views[rng.IntN(len(views))]
					k := key()
					got, err := at.view.Get(k)
					want, there := at.model[string(k)]
					if err != nil || there != (got != nil) || string(got) != want {
						t.Fatalf("index %d, view of %d: %x is %.20q, %v; want %.20q (%v)", index+1, at.view.State().Index, k, got, err, want, there)
					}
				}
				kept += s.mu.engine.rows.Rows()
				if len(views) > 12 {
					i := rng.IntN(len(views))
					views[i].view.Close()
					views = append(views[:i], views[i+1:]...)
				}
			}
			if (kept > 0) != (size > 1) {
				t.Errorf("%d rows were in the cache", kept)
			}
		})
	}
}

// changeRows commits a few random changes to the store and to the model.
func changeRows(t *testing.T, s *Store, rng *rand.Rand, model map[string]string, key func() []byte, index uint64) {
	t.Helper()
	txn, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for range 1 + rng.IntN(5) {
		k := key()
		if _, err := txn.Get(k); err != nil { // a write looks first, which fills the cache
			t.Fatal(err)
		}
		switch rng.IntN(8) {
		case 0:
			delete(model, string(k))
			err = txn.Delete(k)
		case 1:
			lo, hi := []byte{layout.TagPart}, []byte{layout.TagKey + 1}
			if rng.IntN(4) > 0 {
				lo, hi = key(), key()
			}
			if rng.IntN(4) == 0 {
				maps.DeleteFunc(model, func(k, _ string) bool { return string(lo) <= k && k < string(hi) })
				err = txn.DeleteRange(lo, hi)
			}
		default:
			v := make([]byte, 1+rng.IntN([]int{300, 4000}[rng.IntN(2)]))
			if rng.IntN(10) == 0 {
				v = make([]byte, maxBuffered+1)
			}
			for i := range v {
				v[i] = byte(rng.Uint32())
			}
			v[0] |= 1 // no row begins with 0
			model[string(k)] = string(v)
			err = txn.Set(k, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := txn.Commit(Applied{Index: index, Term: 1}); err != nil {
		t.Fatal(err)
	}
}
