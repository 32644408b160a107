package tree

import (
	"testing"

	"cairn/storage/layout"
)

// anywhere gives each node of a tree the bytes of one part after the other.
type anywhere struct{ parts [][]byte }

func (a *anywhere) loadNode(number uint64, height int) ([]byte, error) {
	if number > uint64(len(a.parts)) {
		return nil, layout.ErrCorrupt
	}
	node := a.parts[number-1]
	return node, checkNode(node, height)
}

// FuzzTree reads trees of any bytes: there is an error, or an answer, and no panic; and no walk is longer than what the
// counts promise.
func FuzzTree(f *testing.F) {
	inside := newInner([]child{{number: 1, count: 2}, {number: 2, count: 1, separator: []byte("c")}})
	f.Add(appendRoot(nil, root{1, 3, inside}), []byte("\x02\x01a\x01b"), []byte("\x01\x01c"), []byte("b"), uint64(1))
	f.Add(appendRoot(nil, root{0, 1, []byte("\x01\x01a")}), []byte{}, []byte{}, []byte("a"), uint64(0))
	f.Add(appendRoot(nil, root{2, 3, newInner([]child{{number: 1, count: 9, cut: true}})}), []byte(inside), []byte{1, 0}, []byte{}, uint64(5))
	f.Fuzz(func(t *testing.T, top, first, second, key []byte, rank uint64) {
		r, err := parseRoot(top)
		if err != nil || r.height > 3 {
			return
		}
		tree := Tree{root: r, from: &anywhere{[][]byte{first, second}}}
		left := 10_000
		take := func([]byte) (bool, error) { left--; return left > 0, nil }
		_ = tree.Walk(rank, take)
		_ = tree.WalkBack(rank, take)
		if n, _, err := tree.Rank(key); err == nil && n > tree.Entries() && r.height == 0 {
			t.Errorf("%d entries, and %d below a key", tree.Entries(), n)
		}
	})
}
