package tree_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"cairn/storage"
	"cairn/storage/tree"
	"cairn/storage/typetest"
)

// BenchmarkTree shows how the costs grow with the number of entries: a push at the end and a pop at the front, an entry
// put in the middle of an ordered tree and one removed, 64 such pairs a transaction; and the entry of a rank, the rank
// of an entry, and a walk over 100 entries, 16 a view.
func BenchmarkTree(b *testing.B) {
	for _, size := range []int{100, 1_000, 100_000} {
		rnd := rand.New(rand.NewPCG(1, 2))
		s := typetest.New(b)
		entry := func(n uint64) []byte {
			return append(binary.BigEndian.AppendUint64(nil, n*0x9e3779b97f4a7c15), "member:00"...)
		}
		fill := func(ordered bool) {
			for from := 0; from < size; from += 1000 {
				s.Apply(func(txn *storage.Txn) {
					change(b, txn, ordered, func(e *tree.Edit) {
						if from == 0 {
							typetest.Must(b, e.RemoveRange(0, e.Entries()))
						}
						for n := from; n < min(from+1000, size); n++ {
							if ordered {
								_, err := e.Add(entry(uint64(n)))
								typetest.Must(b, err)
							} else {
								typetest.Must(b, e.Insert(uint64(n), entry(uint64(n))))
							}
						}
					})
				})
			}
		}
		writes := func(name string, ordered bool, fn func(e *tree.Edit, n uint64)) {
			b.Run(fmt.Sprintf("%s/entries=%d", name, size), func(b *testing.B) {
				for n := 0; n < b.N; n += 64 {
					s.Apply(func(txn *storage.Txn) {
						for i := range 64 {
							change(b, txn, ordered, func(e *tree.Edit) { fn(e, uint64(n+i)) })
						}
					})
				}
			})
		}
		reads := func(name string, fn func(tr *tree.Tree)) {
			b.Run(fmt.Sprintf("%s/entries=%d", name, size), func(b *testing.B) {
				for n := 0; n < b.N; n += 16 {
					s.View(func(v *storage.View) {
						for range 16 {
							read(b, v, fn)
						}
					})
				}
			})
		}
		fill(false)
		writes("push-pop", false, func(e *tree.Edit, n uint64) {
			typetest.Must(b, e.Insert(uint64(size), entry(n)))
			typetest.Must(b, e.RemoveRange(0, 1))
		})
		none := func([]byte) (bool, error) { return false, nil }
		reads("rank", func(tr *tree.Tree) { typetest.Must(b, tr.Walk(uint64(rnd.IntN(size)), none)) })
		reads("walk100", func(tr *tree.Tree) {
			left := 100
			typetest.Must(b, tr.Walk(uint64(rnd.IntN(size)), func([]byte) (bool, error) { left--; return left > 0, nil }))
		})
		fill(true)
		next := uint64(size)
		writes("put-delete", true, func(e *tree.Edit, n uint64) {
			_, err := e.Add(entry(next))
			typetest.Must(b, err)
			_, err = e.Delete(entry(next - uint64(size)))
			typetest.Must(b, err)
			next++
		})
		reads("find", func(tr *tree.Tree) {
			_, _, err := tr.Rank(entry(uint64(rnd.IntN(size))))
			typetest.Must(b, err)
		})
	}
}
