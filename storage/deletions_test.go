package storage

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
)

// partOf is the Pebble key of part n of a collection.
func partOf(id uint64, n int) []byte {
	return layout.AppendPart(nil, 0, id, fmt.Appendf(nil, "%07d", n))
}

// TestDeletedRangeLeavesOthers: when a range is deleted, the rows beside it stay in the row cache, before and after the
// flush, what is in it is forgotten, and the transaction waits in memory like any other.
func TestDeletedRangeLeavesOthers(t *testing.T) {
	s := unhurried(t, vfs.NewMem())
	defer func() { must(t, s.Close()) }()
	const rows = 100
	x, err := s.Begin()
	must(t, err)
	for id := range uint64(3) {
		for n := range rows {
			must(t, x.Set(partOf(id, n), []byte("v")))
		}
	}
	must(t, x.Commit(Applied{1, 1}))
	flush(t, s)
	e := s.mu.engine
	if n := e.rows.Rows(); n != 3*rows {
		t.Fatalf("%d rows are in the cache", n)
	}
	x, err = s.Begin()
	must(t, err)
	lo, hi := layout.PartBounds(0, 1)
	must(t, x.DeleteRange(lo, hi))
	must(t, x.Set(partOf(1, 5), []byte("new")))
	must(t, x.Commit(Applied{2, 1}))
	check := func(when string) {
		v, err := s.View(0)
		must(t, err)
		defer v.Close()
		for id := range uint64(3) {
			for n := range rows {
				want := "v"
				if id == 1 {
					if want = ""; n == 5 {
						want = "new"
					}
				}
				if got, err := v.Get(partOf(id, n)); string(got) != want || (got == nil) != (want == "") || err != nil {
					t.Fatalf("%s: part %d of %d is %q, %v", when, n, id, got, err)
				}
			}
		}
	}
	if e.newest().bufs[0].Size() == 0 || len(e.newest().bufs[0].Deleted()) != 1 {
		t.Error("the transaction did not wait in memory")
	}
	check("before the flush")
	flush(t, s)
	if n := e.rows.Rows(); n != 2*rows+1 {
		t.Errorf("%d rows are in the cache after the flush, want those of two collections and the one that is new", n)
	}
	check("after it")
}

// TestManyDeletedRangesAreFlushed: who deletes ranges one after the other does not make every look-up search them all.
func TestManyDeletedRangesAreFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := unhurried(t, vfs.NewMem())
		for id := range uint64(2 * mostDeleted) {
			x, err := s.Begin()
			must(t, err)
			lo, hi := layout.PartBounds(0, 2*id)
			must(t, x.DeleteRange(lo, hi))
			must(t, x.Commit(Applied{id + 1, 1}))
			synctest.Wait()
			if n := len(s.mu.engine.newest().bufs[0].Deleted()); n > mostDeleted+1 {
				t.Fatalf("%d deleted ranges wait", n)
			}
		}
		must(t, s.Close())
	})
}

// TestScanAsksForFlush: a scan over many rows of a deleted range, which it passes one by one, makes them go.
func TestScanAsksForFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := unhurried(t, vfs.NewMem())
		x, err := s.Begin()
		must(t, err)
		for n := range mostAbsent + 1 {
			must(t, x.Set(partOf(1, n), []byte("v")))
		}
		must(t, x.Commit(Applied{1, 1}))
		x, err = s.Begin()
		must(t, err)
		lo, hi := layout.PartBounds(0, 1)
		must(t, x.DeleteRange(lo, hi))
		must(t, x.Commit(Applied{2, 1}))
		v, err := s.View(0)
		must(t, err)
		must(t, v.Scan(lo, hi, func(k, _ []byte) (bool, error) { return false, fmt.Errorf("%q is there", k) }))
		must(t, v.Close())
		if synctest.Wait(); s.mu.engine.newest().bufs[0].Size() > 0 {
			t.Error("the rows are still in the memtable")
		}
		must(t, s.Close())
	})
}

// BenchmarkDeleteRange deletes a collection of a million parts, and brings that to Pebble, beside look-ups of other
// keys, or beside transactions that write some. An operation is a look-up, or a transaction; deletions=no is for
// comparison.
func BenchmarkDeleteRange(b *testing.B) {
	for _, beside := range []string{"get", "set"} {
		for _, deletions := range []string{"no", "yes"} {
			b.Run(fmt.Sprintf("parts=1000000/beside=%s/deletions=%s", beside, deletions), func(b *testing.B) {
				benchDeleteRange(b, beside, deletions == "yes")
			})
		}
	}
}

func benchDeleteRange(b *testing.B, beside string, deletions bool) {
	const parts, keys = 1_000_000, 10_000
	s := benchStore(b, keys, true)
	index := s.State().Index
	commit := func(fn func(x *Txn)) {
		x, err := s.Begin()
		must(b, err)
		defer x.Discard() // nothing after a commit
		fn(x)
		index++
		must(b, x.Commit(Applied{index, 1}))
	}
	for n := 0; n < parts; {
		commit(func(x *Txn) {
			for range 1000 {
				must(b, x.Set(partOf(1, n), []byte{1, 2, 3}))
				n++
			}
		})
	}
	var syncing sync.WaitGroup
	defer syncing.Wait()
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		if n == b.N/4 {
			if deletions {
				lo, hi := layout.PartBounds(0, 1)
				commit(func(x *Txn) { must(b, x.DeleteRange(lo, hi)) })
			}
			syncing.Go(func() { must(b, s.Sync()) })
		}
		k := n * 7919 % keys
		if beside == "set" {
			commit(func(x *Txn) { must(b, x.Set(benchKey(nil, k), bytes.Repeat([]byte{1}, 64))) })
			continue
		}
		v, err := s.View(0)
		must(b, err)
		if got, err := v.Get(benchKey(v.KeyBuffer(), k)); err != nil || got == nil {
			b.Fatalf("key %d is %q, %v", k, got, err)
		}
		must(b, v.Close())
	}
}
