package zset_test

import (
	"fmt"
	"testing"

	"cairn/storage"
	"cairn/storage/typetest"
	"cairn/storage/zset"
)

// TestRenewed: a large sorted set that is emptied, and becomes large again before it is written.
func TestRenewed(t *testing.T) {
	s := typetest.New(t)
	fill := func(txn *storage.Txn, n int) {
		t.Helper()
		e, _, err := zset.Open(txn, 0, []byte("k"))
		typetest.Must(t, err)
		for i := range n {
			it, err := e.Item(fmt.Appendf(nil, "member:%d", i))
			typetest.Must(t, err)
			typetest.Must(t, e.SetScore(&it, float64(i)))
		}
		typetest.Must(t, e.Save(1))
	}
	s.Apply(func(txn *storage.Txn) { fill(txn, 1000) })
	s.Apply(func(txn *storage.Txn) {
		e, _, err := zset.Open(txn, 0, []byte("k"))
		typetest.Must(t, err)
		typetest.Must(t, e.RemoveRanks(0, 1000))
		typetest.Must(t, e.Save(2))
		fill(txn, 300)
	})
	s.View(func(v *storage.View) {
		z, _, err := zset.Lookup(v, 0, []byte("k"))
		typetest.Must(t, err)
		if rank, ok, err := z.RankOf([]byte("member:299")); z.Count != 300 || rank != 299 || !ok || err != nil {
			t.Errorf("%d members, the last at %d, %v, %v", z.Count, rank, ok, err)
		}
		if n := typetest.PartRows(t, v); n < 300 || n > 320 {
			t.Errorf("%d rows of parts", n)
		}
	})
}
