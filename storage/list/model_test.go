package list_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/list"
	"cairn/storage/storagetest"
	"cairn/storage/typetest"
)

func open(t testing.TB, txn *storage.Txn, key string) *list.Edit {
	t.Helper()
	e, isList, err := list.Open(txn, 0, []byte(key))
	if typetest.Must(t, err); !isList {
		t.Fatalf("%q is no list", key)
	}
	return e
}

func elements(t testing.TB, r storage.Reader, key string) (all []string) {
	t.Helper()
	l, isList, err := list.Lookup(r, 0, []byte(key))
	if typetest.Must(t, err); !isList {
		t.Fatalf("%q is no list", key)
	}
	typetest.Must(t, l.Walk(0, func(entry []byte) (bool, error) { all = append(all, string(entry)); return true, nil }))
	if l.Entries() != uint64(len(all)) {
		t.Fatalf("%s counts %d elements and has %d", key, l.Entries(), len(all))
	}
	return all
}

// change does one thing to lists, and to the model of them.
func change(t testing.TB, txn *storage.Txn, model map[string][]string, version uint64, rnd *rand.Rand) {
	t.Helper()
	key := []string{"a", "a", "a", "b", "c"}[rnd.IntN(5)]
	want := model[key]
	switch n := rnd.IntN(100); {
	case n < 3:
		h, err := keys.Open(txn, 0, []byte(key))
		typetest.Must(t, err)
		_, err = h.Remove()
		typetest.Must(t, err)
		want = nil
	case n < 6:
		moveKey(t, txn, model, key, []string{"a", "b", "c"}[rnd.IntN(3)], version)
		return
	case n < 8:
		h, err := keys.Open(txn, 0, []byte(key))
		if typetest.Must(t, err); h.Live {
			row := h.Row
			row.ExpireAt = []int64{0, 1 << 40}[rnd.IntN(2)]
			typetest.Must(t, h.Put(row))
		}
	case n < 12:
		if got := elements(t, txn, key); !slices.Equal(got, want) {
			t.Fatalf("%s is %q, want %q", key, got, want)
		}
	default:
		e := open(t, txn, key)
		if got := e.Entries(); got != uint64(len(want)) {
			t.Fatalf("%s has %d elements, want %d", key, got, len(want))
		}
		if drain := rnd.IntN(40) == 0; drain || rnd.IntN(100) < 45 {
			from := rnd.IntN(len(want) + 1)
			to := min(from+rnd.IntN(4), len(want))
			if drain {
				from, to = 0, len(want)
			}
			typetest.Must(t, e.RemoveRange(uint64(from), uint64(to)))
			want = slices.Delete(want, from, to)
		} else {
			for range 1 + rnd.IntN(12) {
				text := fmt.Sprint(rnd.IntN(1000), strings.Repeat("x", []int{0, 0, 0, 40, 300, 3000}[rnd.IntN(6)]))
				back := rnd.IntN(3) > 0
				typetest.Must(t, e.Push(back, []byte(text)))
				if back {
					want = append(want, text)
				} else {
					want = slices.Insert(want, 0, text)
				}
			}
		}
		typetest.Must(t, e.Save(version))
	}
	model[key] = want
}

func moveKey(t testing.TB, txn *storage.Txn, model map[string][]string, from, to string, version uint64) {
	t.Helper()
	src, err := keys.Open(txn, 0, []byte(from))
	if typetest.Must(t, err); !src.Live || from == to {
		return
	}
	dst, err := keys.Open(txn, 0, []byte(to))
	typetest.Must(t, err)
	typetest.Must(t, src.Move(&dst, version))
	model[to], model[from] = model[from], nil
}

// rows returns all that the store has.
func rows(t testing.TB, s *typetest.Store) (all []byte) {
	t.Helper()
	s.View(func(v *storage.View) {
		typetest.Must(t, v.Scan([]byte{0}, []byte{'N'}, func(k, v []byte) (bool, error) {
			all = fmt.Appendf(all, "%x = %x\n", k, v)
			return true, nil
		}))
		all = fmt.Appendf(all, "%+v", v.Database(0))
	})
	return all
}

// TestModel does to lists what commands do, many times in a transaction: on one store each change is written at once,
// on the other when it must be. Both have what the model has, and the same rows to the last byte.
func TestModel(t *testing.T) {
	rnd := storagetest.Rand(t)
	at := [2]*typetest.Store{typetest.New(t), typetest.New(t)}
	model := map[string][]string{}
	version := uint64(0)
	for range 100 {
		seed, count := rnd.Uint64(), 1+rnd.IntN(60)
		var after map[string][]string
		for n, s := range at {
			after = map[string][]string{}
			for key, want := range model {
				after[key] = slices.Clone(want)
			}
			same := rand.New(rand.NewPCG(seed, 1))
			s.Apply(func(txn *storage.Txn) {
				for i := range count {
					change(t, txn, after, version+uint64(i), same)
					if n == 0 {
						txn.Database(0)
					}
				}
			})
		}
		model, version = after, version+uint64(count)
		at[1].View(func(v *storage.View) {
			for key, want := range model {
				if got := elements(t, v, key); !slices.Equal(got, want) {
					t.Fatalf("%s is %q, want %q", key, got, want)
				}
			}
			if n := typetest.PartRows(t, v); len(model["a"])+len(model["b"])+len(model["c"]) == 0 && n > 0 {
				t.Fatalf("%d nodes of no list", n)
			}
		})
		if a, b := rows(t, at[0]), rows(t, at[1]); !bytes.Equal(a, b) {
			t.Fatalf("written at once:\n%s\nwritten later:\n%s", a, b)
		}
		if rnd.IntN(10) == 0 {
			at[0].Restart()
			at[1].Restart()
		}
	}
}
