package tree

import (
	"fmt"
	"testing"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/typetest"
)

// TestJoinInner: an entry that belongs before the separator of the first child of its node, which counts for nothing
// there, is found when that node has become one with the node before it.
func TestJoinInner(t *testing.T) {
	typetest.New(t).Apply(func(txn *storage.Txn) {
		h, err := keys.Open(txn, 0, []byte("k"))
		typetest.Must(t, err)
		e, err := OpenOrdered(txn, &h, nil)
		typetest.Must(t, err)
		for i := range 20_000 {
			_, err := e.Add(fmt.Appendf(nil, "%08d", i))
			typetest.Must(t, err)
		}
		if e.height != 2 {
			t.Fatalf("a tree of height %d", e.height)
		}
		left := inner(e.node).count(0)
		const leafful = MaxLeaf / 9
		typetest.Must(t, e.RemoveRange(left, left+leafful)) // the first child of the second node goes
		key := fmt.Appendf(nil, "%08dx", left)
		added, err := e.Add(key)
		if typetest.Must(t, err); !added {
			t.Fatal("it is not added")
		}
		nodes := inner(e.node).children()
		typetest.Must(t, e.RemoveRange(left+3*leafful, e.Entries()))
		typetest.Must(t, e.RemoveRange(3*leafful, left-3*leafful))
		if n := inner(e.node).children(); e.height == 2 && n >= nodes-1 {
			t.Fatalf("height %d and %d children: no two were joined", e.height, n)
		}
		if rank, found, err := e.Rank(key); err != nil || !found || rank >= e.Entries() {
			t.Errorf("%s: rank %d of %d, found %v, %v", key, rank, e.Entries(), found, err)
		}
	})
}
