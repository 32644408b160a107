package hash_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cairn/storage"
	"cairn/storage/hash"
	"cairn/storage/storagetest"
)

// model is what hashes are: fields and values by key, and the order of the fields of those that have never been large.
type model map[string]*modelHash

type modelHash struct {
	values        map[string]string
	order         []string
	large         bool
	most, longest uint64
}

func (m model) set(key, field, value string) {
	h := m[key]
	if h == nil {
		h = &modelHash{values: map[string]string{}}
		m[key] = h
	}
	if _, ok := h.values[field]; !ok {
		h.order = append(h.order, field)
	}
	h.values[field] = value
	size := 0
	for f, v := range h.values {
		size += textSize(f) + textSize(v)
	}
	h.large = h.large || len(h.values) > hash.MaxEntries || size > hash.MaxEntryBytes
	h.most = max(h.most, uint64(len(h.values)))
	h.longest = max(h.longest, uint64(len(field)), uint64(len(value)))
}

func textSize(s string) int {
	if len(s) < 1<<7 {
		return len(s) + 1
	} else if len(s) < 1<<14 {
		return len(s) + 2
	}
	return len(s) + 3
}

func (m model) remove(key, field string) bool {
	h := m[key]
	if h == nil {
		return false
	}
	_, was := h.values[field]
	delete(h.values, field)
	h.order = slices.DeleteFunc(h.order, func(f string) bool { return f == field })
	if len(h.values) == 0 {
		delete(m, key)
	}
	return was
}

// check compares all hashes with the model.
func (m model) check(t *testing.T, r storage.Reader, keys []string) {
	t.Helper()
	parts := 0
	for _, key := range keys {
		h := lookup(t, r, key)
		want := m[key]
		if want == nil {
			if h.Len() != 0 {
				t.Fatalf("%s has %d fields, and should not be there", key, h.Len())
			}
			continue
		}
		order, values := all(t, h)
		if !maps.Equal(values, want.values) {
			t.Fatalf("%s is %q, want %q", key, values, want.values)
		}
		if most, longest := h.Past(); h.Large() != want.large || most != want.most || longest != want.longest {
			t.Fatalf("%s: large %v, at most %d fields, up to %d bytes; want %+v", key, h.Large(), most, longest, want)
		}
		if h.Large() {
			parts += len(values)
		} else if !slices.Equal(order, want.order) {
			t.Fatalf("%s has %q, want the order %q", key, order, want.order)
		}
	}
	if n := partRows(t, r); n != parts {
		t.Fatalf("there are %d rows of parts, want %d", n, parts)
	}
	if n := r.Database(0).Keys; n != uint64(len(m)) {
		t.Fatalf("there are %d keys, want %d", n, len(m))
	}
}

// TestModel does what commands do to small and large hashes, and to those that cross the limit, with flushes and
// restarts in between, and compares with maps.
func TestModel(t *testing.T) {
	rnd := storagetest.Rand(t)
	s, m := newStore(t), model{}
	keys := []string{"", "a", "b", "c", "d"}
	sizes := []int{3, 100, 120, 140, 600} // of the pool of fields of each key
	lengths := []int{3, 30, 80, 200, 9000}
	field := func(k int) string { return fmt.Sprint(strings.Repeat("f", k), rnd.IntN(sizes[k])) }
	for range 60 {
		s.apply(func(txn *storage.Txn) {
			for range 1 + rnd.IntN(40) {
				k := rnd.IntN(len(keys))
				key := keys[k]
				switch n := rnd.IntN(100); {
				case n < 60:
					var pairs []string
					for range 1 + rnd.IntN(6) {
						f, v := field(k), strings.Repeat("v", rnd.IntN(lengths[rnd.IntN(len(lengths))*rnd.IntN(2)]))
						pairs = append(pairs, f, v)
						m.set(key, f, v)
					}
					set(t, txn, key, pairs...)
				case n < 95:
					var fields []string
					want := 0
					for range 1 + rnd.IntN(8) {
						f := field(k)
						fields = append(fields, f)
						if m.remove(key, f) {
							want++
						}
					}
					if got := remove(t, txn, key, fields...); got != want {
						t.Fatalf("%d of %q removed of %s, want %d", got, fields, key, want)
					}
				case n < 97:
					drop(t, txn, key)
					delete(m, key)
				}
				if rnd.IntN(10) == 0 {
					f := field(k)
					h := lookup(t, txn, key)
					got, err := h.Get([]byte(f))
					must(t, err)
					want, ok := "", false
					if m[key] != nil {
						want, ok = m[key].values[f]
					}
					if string(got) != want || (got != nil) != ok {
						t.Fatalf("%s of %s is %q, want %q, %v", f, key, got, want, ok)
					}
				}
			}
			if rnd.IntN(8) == 0 {
				m.check(t, txn, keys)
			}
		})
		switch rnd.IntN(20) {
		case 0:
			must(t, s.s.Sync())
		case 1:
			s.restart()
		}
		s.view(func(v *storage.View) { m.check(t, v, keys) })
	}
}

// TestLimits: the last field, and the last byte, that a hash of one row can have.
func TestLimits(t *testing.T) {
	for _, test := range []struct {
		name  string
		pairs func() []string
		large bool
	}{
		{"as many fields as fit", func() []string { return numbered(hash.MaxEntries) }, false},
		{"one field more", func() []string { return numbered(hash.MaxEntries + 1) }, true},
		{"as many bytes as fit", func() []string { return []string{"f", strings.Repeat("v", hash.MaxEntryBytes-4)} }, false},
		{"one byte more", func() []string { return []string{"f", strings.Repeat("v", hash.MaxEntryBytes-3)} }, true},
		{"a long value in the place of a short one", func() []string {
			return append(numbered(10), "f3", strings.Repeat("v", hash.MaxEntryBytes))
		}, true},
		{"a short value in the place of a long one", func() []string {
			return append(numbered(10), "f3", strings.Repeat("v", hash.MaxEntryBytes/2), "f3", "", "f4", strings.Repeat("v", hash.MaxEntryBytes/2))
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, m := newStore(t), model{}
			pairs := test.pairs()
			for p := pairs; len(p) > 0; p = p[2:] {
				m.set("k", p[0], p[1])
			}
			s.apply(func(txn *storage.Txn) { set(t, txn, "k", pairs...) })
			s.view(func(v *storage.View) {
				m.check(t, v, []string{"k"})
				if h := lookup(t, v, "k"); h.Large() != test.large {
					t.Errorf("large is %v", h.Large())
				}
			})
			// With all fields gone but one, it stays as it is; with that one too, there is no key.
			s.apply(func(txn *storage.Txn) {
				for _, f := range slices.Sorted(maps.Keys(m["k"].values))[1:] {
					remove(t, txn, "k", f)
					m.remove("k", f)
				}
				m.check(t, txn, []string{"k"})
				remove(t, txn, "k", slices.Collect(maps.Keys(m["k"].values))...)
				if n := txn.Database(0).Keys; n != 0 {
					t.Errorf("%d keys are left", n)
				}
			})
		})
	}
}

func numbered(n int) (pairs []string) {
	for i := range n {
		pairs = append(pairs, fmt.Sprint("f", i), fmt.Sprint("v", i))
	}
	return pairs
}

// TestWritesTouchParts: a write to a large hash writes the key row and the part, whatever the size of the hash.
func TestWritesTouchParts(t *testing.T) {
	s := newStore(t)
	s.apply(func(txn *storage.Txn) { set(t, txn, "k", numbered(10_000)...) })
	s.apply(func(txn *storage.Txn) {
		set(t, txn, "k", "f77", "new")
		remove(t, txn, "k", "f78")
		if n := txn.Size(); n > 300 {
			t.Errorf("a write and a removal write %d bytes", n)
		}
	})
}
