package elements_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/typetest"
)

// BenchmarkElements compares a write and a look-up of a field with those of a string: of a hash of so many fields, of
// which there are enough for 100,000 in all. Fields and values have 16 bytes. Writes are 64 a transaction, look-ups 16
// a view. An operation is one of them.
func BenchmarkElements(b *testing.B) {
	const all = 100_000
	for _, fields := range []int{0, 1, 10, 100, 1000, all} {
		name := "string"
		if fields > 0 {
			name = fmt.Sprintf("hash/fields=%d", fields)
		}
		value := make([]byte, 16)
		s := typetest.New(b)
		order := rand.New(rand.NewPCG(1, 2)).Perm(all)
		place := func(n int) (key, field []byte) {
			at := order[n%all]
			if fields == 0 {
				return fmt.Appendf(nil, "key:%012d", at), nil
			}
			return fmt.Appendf(nil, "key:%012d", at/fields), fmt.Appendf(nil, "field:%010d", at)
		}
		write := func(txn *storage.Txn, n int) {
			key, field := place(n)
			if fields == 0 {
				k, err := keys.Open(txn, 0, key)
				typetest.Must(b, err)
				typetest.Must(b, k.Put(layout.Row{Type: layout.String, Payload: value}))
				return
			}
			h, _, err := hashes.Open(txn, 0, key)
			typetest.Must(b, err)
			f, err := h.Item(field)
			typetest.Must(b, err)
			typetest.Must(b, h.Put(&f, value))
			typetest.Must(b, h.Save(1))
		}
		batch := func(n int) {
			s.Apply(func(txn *storage.Txn) {
				for i := range 64 {
					key, _ := place(n + i)
					txn.Expect(0, key)
				}
				txn.Fetch()
				for i := range 64 {
					if key, field := place(n + i); uint64(fields) > hashes.MaxEntries {
						_, err := keys.ExpectPart(txn, 0, key, layout.AppendName(nil, field))
						typetest.Must(b, err)
					}
				}
				txn.Fetch()
				for i := range 64 {
					write(txn, n+i)
				}
			})
		}
		for n := 0; n < all; n += 64 {
			batch(n)
		}
		b.Run("op=write/value=16B/kind="+name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; n < b.N; n += 64 {
				batch(n)
			}
		})
		b.Run("op=read/value=16B/kind="+name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; n < b.N; n += 16 {
				s.View(func(v *storage.View) {
					for i := range 16 {
						key, field := place(n + i)
						if fields == 0 {
							_, _, err := keys.Lookup(v, 0, key)
							typetest.Must(b, err)
							continue
						}
						h := lookup(b, hashes, v, string(key))
						if got, err := h.Get(field); err != nil || len(got) != len(value) {
							b.Fatal(got, err)
						}
					}
				})
			}
		})
	}
}
