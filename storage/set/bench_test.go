package set_test

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/set"
)

// BenchmarkPop takes a random member out of a set of so many and puts it back, 64 times a transaction. An operation is
// one of them.
func BenchmarkPop(b *testing.B) {
	for _, size := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("members=%d", size), func(b *testing.B) {
			s, err := storage.Open("set", storage.Options{FS: vfs.NewMem()})
			must(b, err)
			defer func() { must(b, s.Close()) }()
			index := uint64(0)
			apply := func(fn func(e *set.Edit)) {
				txn, err := s.Begin()
				must(b, err)
				edit(b, txn, "k", fn)
				index++
				must(b, txn.Commit(storage.Applied{Index: index, Term: 1}))
			}
			for from := 0; from < size; from += 10_000 {
				apply(func(e *set.Edit) {
					for i := from; i < min(from+10_000, size); i++ {
						_, err := e.Include(fmt.Appendf(nil, "member:%d", i))
						must(b, err)
					}
				})
			}
			dice := elements.NewDice(1)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%64 > 0 {
					continue
				}
				apply(func(e *set.Edit) {
					for range 64 {
						all := e.Members()
						var popped []byte
						must(b, elements.Random(&all, 1, false, dice, func(x elements.Element) bool {
							popped = x.Name
							return true
						}))
						_, err := e.Exclude(popped)
						must(b, err)
						_, err = e.Include(popped)
						must(b, err)
					}
				})
			}
		})
	}
}
