package zset_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cairn/storage"
	"cairn/storage/typetest"
	"cairn/storage/zset"
)

func openZset(txn *storage.Txn) (*zset.Edit, bool, error) { return zset.Open(txn, 0, []byte("k")) }

// BenchmarkZset shows how costs grow with the number of members: a ZADD that moves a member, 64 a transaction; the rank
// and the score of a member, and the members of 100 ranks, 16 a view.
func BenchmarkZset(b *testing.B) {
	for _, size := range []int{100, 1_000, 100_000} {
		rnd := rand.New(rand.NewPCG(1, 2))
		s := typetest.New(b)
		name := func() []byte { return fmt.Appendf(nil, "element:%012d", rnd.IntN(size)) }
		for from := 0; from < size; from += 10_000 {
			s.Apply(func(txn *storage.Txn) {
				e, _, err := openZset(txn)
				typetest.Must(b, err)
				for n := from; n < min(from+10_000, size); n++ {
					setScore(b, e, fmt.Sprintf("element:%012d", n), rnd.Float64())
				}
				typetest.Must(b, e.Save(1))
			})
		}
		run := func(op string, per int, batch func(n int)) {
			b.Run(fmt.Sprintf("op=%s/members=%d", op, size), func(b *testing.B) {
				for n := 0; n < b.N; n += per {
					batch(per)
				}
			})
		}
		run("zadd", 64, func(n int) {
			s.Apply(func(txn *storage.Txn) {
				for range n {
					e, _, err := openZset(txn)
					typetest.Must(b, err)
					it, err := e.Item(name())
					typetest.Must(b, err)
					typetest.Must(b, e.SetScore(&it, rnd.Float64()))
					typetest.Must(b, e.Save(1))
				}
			})
		})
		read := func(op string, one func(v *storage.View)) {
			run(op, 16, func(n int) {
				s.View(func(v *storage.View) {
					for range n {
						one(v)
					}
				})
			})
		}
		read("zrank", func(v *storage.View) {
			if _, ok, err := lookup(b, v, "k").RankOf(name()); !ok || err != nil {
				b.Fatal(ok, err)
			}
		})
		read("zscore", func(v *storage.View) {
			if _, ok, err := lookup(b, v, "k").Score(name()); !ok || err != nil {
				b.Fatal(ok, err)
			}
		})
		read("zrange100", func(v *storage.View) {
			left := 100
			typetest.Must(b, lookup(b, v, "k").WalkRanks(uint64(rnd.IntN(size)), func([]byte, float64) (bool, error) {
				left--
				return left > 0, nil
			}))
		})
	}
}
