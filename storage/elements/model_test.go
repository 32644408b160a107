package elements_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/storagetest"
	"cairn/storage/typetest"
)

// model is what collections are: names and values by key, and the order of the names of those that have never been
// large.
type model struct {
	form elements.Form
	keys map[string]*modelCollection
}

type modelCollection struct {
	values map[string]string
	order  []string
	large  bool
	most   uint64
}

func newModel(f elements.Form) *model { return &model{f, map[string]*modelCollection{}} }

func (m *model) put(key, name, value string) {
	c := m.keys[key]
	if c == nil {
		c = &modelCollection{values: map[string]string{}}
		m.keys[key] = c
	}
	if _, ok := c.values[name]; !ok {
		c.order = append(c.order, name)
	}
	c.values[name] = string(valueOf(m.form, value))
	size := 0
	for n, v := range c.values {
		if size += textSize(n); m.form.Values {
			size += textSize(v)
		}
	}
	c.large = c.large || uint64(len(c.values)) > m.form.MaxEntries || size > m.form.MaxEntryBytes
	c.most = max(c.most, uint64(len(c.values)))
}

func textSize(s string) int {
	if len(s) < 1<<7 {
		return len(s) + 1
	} else if len(s) < 1<<14 {
		return len(s) + 2
	}
	return len(s) + 3
}

func (m *model) remove(key, name string) bool {
	c := m.keys[key]
	if c == nil {
		return false
	}
	_, was := c.values[name]
	delete(c.values, name)
	c.order = slices.DeleteFunc(c.order, func(n string) bool { return n == name })
	if len(c.values) == 0 {
		delete(m.keys, key)
	}
	return was
}

// get returns the value of an element.
func (m *model) get(key, name string) (value string, ok bool) {
	if m.keys[key] != nil {
		value, ok = m.keys[key].values[name]
	}
	return value, ok
}

// check compares all collections with the model.
func (m *model) check(t *testing.T, r storage.Reader, keys []string) {
	t.Helper()
	parts := 0
	for _, key := range keys {
		c := lookup(t, m.form, r, key)
		want := m.keys[key]
		if want == nil {
			if c.Len() != 0 {
				t.Fatalf("%s has %d elements, and should not be there", key, c.Len())
			}
			continue
		}
		order, values := all(t, c)
		if !maps.Equal(values, want.values) {
			t.Fatalf("%s is %q, want %q", key, values, want.values)
		}
		if c.Large() != want.large || c.Most != want.most {
			t.Fatalf("%s: large %v, at most %d elements; want %+v", key, c.Large(), c.Most, want)
		}
		if c.Large() {
			parts += len(values)
		} else if !slices.Equal(order, want.order) {
			t.Fatalf("%s has %q, want the order %q", key, order, want.order)
		}
	}
	if n := typetest.PartRows(t, r); n != parts {
		t.Fatalf("there are %d rows of parts, want %d", n, parts)
	}
	if n := r.Database(0).Keys; n != uint64(len(m.keys)) {
		t.Fatalf("there are %d keys, want %d", n, len(m.keys))
	}
}

// TestModel does what commands do to small and large collections, and to those that cross the limit, with flushes and
// restarts in between, and compares with maps.
func TestModel(t *testing.T) {
	for name, form := range map[string]elements.Form{"with values": hashes, "names alone": sets} {
		t.Run(name, func(t *testing.T) {
			x := &modelRun{typetest.New(t), newModel(form), storagetest.Rand(t)}
			for range 60 {
				x.s.Apply(func(txn *storage.Txn) {
					for range 1 + x.rnd.IntN(40) {
						x.step(t, txn)
					}
					if x.rnd.IntN(8) == 0 {
						x.m.check(t, txn, modelKeys)
					}
				})
				switch x.rnd.IntN(20) {
				case 0:
					x.s.Sync()
				case 1:
					x.s.Restart()
				}
				x.s.View(func(v *storage.View) { x.m.check(t, v, modelKeys) })
			}
		})
	}
}

// The keys of TestModel, how many different names each has, and how long values are at most.
var (
	modelKeys    = []string{"", "a", "b", "c", "d"}
	modelNames   = []int{3, 100, 120, 140, 600}
	modelLengths = []int{3, 30, 80, 200, 9000}
)

type modelRun struct {
	s   *typetest.Store
	m   *model
	rnd *rand.Rand
}

// step does one thing to the store and to the model.
func (x *modelRun) step(t *testing.T, txn *storage.Txn) {
	t.Helper()
	rnd, m := x.rnd, x.m
	k := rnd.IntN(len(modelKeys))
	key := modelKeys[k]
	name := func() string { return fmt.Sprint(strings.Repeat("n", k), rnd.IntN(modelNames[k])) }
	text := func() string {
		return strings.Repeat("v", rnd.IntN(modelLengths[rnd.IntN(len(modelLengths))*rnd.IntN(2)]))
	}
	switch n := rnd.IntN(100); {
	case n < 60:
		var pairs []string
		for range 1 + rnd.IntN(6) {
			f, v := name(), text()
			if rnd.IntN(100) == 0 {
				f += text()
			}
			pairs = append(pairs, f, v)
			m.put(key, f, v)
		}
		put(t, m.form, txn, key, pairs...)
	case n < 95:
		var names []string
		want := 0
		for range 1 + rnd.IntN(8) {
			f := name()
			names = append(names, f)
			if m.remove(key, f) {
				want++
			}
		}
		if got := remove(t, m.form, txn, key, names...); got != want {
			t.Fatalf("%d of %q removed of %s, want %d", got, names, key, want)
		}
	case n < 97:
		drop(t, txn, key)
		delete(m.keys, key)
	case n < 99: // what is put in the place of all that was there knows nothing of it
		delete(m.keys, key)
		f, v := name(), text()
		m.put(key, f, v)
		replace(t, m.form, txn, key, f, v)
	}
	f := name()
	got, err := lookup(t, m.form, txn, key).Get([]byte(f))
	typetest.Must(t, err)
	if want, ok := m.get(key, f); string(got) != want || (got != nil) != ok {
		t.Fatalf("%s of %s is %q, want %q, %v", f, key, got, want, ok)
	}
}

// replace makes a collection of one element of what is at a key.
func replace(t testing.TB, f elements.Form, txn *storage.Txn, key, name, value string) {
	t.Helper()
	e, _, err := f.Open(txn, 0, []byte(key))
	typetest.Must(t, err)
	e.Clear()
	s, err := e.Item([]byte(name))
	typetest.Must(t, err)
	typetest.Must(t, e.Put(&s, valueOf(f, value)))
	typetest.Must(t, e.Save(1))
}

// TestLimits: the last element, and the last byte, that a collection of one row can have.
func TestLimits(t *testing.T) {
	most, bytes := int(hashes.MaxEntries), hashes.MaxEntryBytes
	long := func(n int) string { return strings.Repeat("v", n) }
	for _, test := range []struct {
		name  string
		form  elements.Form
		pairs func() []string
		large bool
	}{
		{"as many fields as fit", hashes, func() []string { return numbered(most) }, false},
		{"one field more", hashes, func() []string { return numbered(most + 1) }, true},
		{"as many bytes as fit", hashes, func() []string { return []string{"f", long(bytes - 4)} }, false},
		{"one byte more", hashes, func() []string { return []string{"f", long(bytes - 3)} }, true},
		{"a long value in the place of a short one", hashes, func() []string {
			return append(numbered(10), "f3", long(bytes))
		}, true},
		{"a short value in the place of a long one", hashes, func() []string {
			return append(numbered(10), "f3", long(bytes/2), "f3", "", "f4", long(bytes/2))
		}, false},
		{"as many members as fit", sets, func() []string { return numbered(most) }, false},
		{"one member more", sets, func() []string { return numbered(most + 1) }, true},
		{"as long a member as fits", sets, func() []string { return []string{long(bytes - 2), ""} }, false},
		{"a longer one", sets, func() []string { return []string{long(bytes - 1), ""} }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, m := typetest.New(t), newModel(test.form)
			pairs := test.pairs()
			for p := pairs; len(p) > 0; p = p[2:] {
				m.put("k", p[0], p[1])
			}
			s.Apply(func(txn *storage.Txn) { put(t, test.form, txn, "k", pairs...) })
			s.View(func(v *storage.View) {
				m.check(t, v, []string{"k"})
				if c := lookup(t, test.form, v, "k"); c.Large() != test.large {
					t.Errorf("large is %v", c.Large())
				}
			})
			// With all elements gone but one, it stays as it is; with that one too, there is no key.
			s.Apply(func(txn *storage.Txn) {
				for _, f := range slices.Sorted(maps.Keys(m.keys["k"].values))[1:] {
					remove(t, test.form, txn, "k", f)
					m.remove("k", f)
				}
				m.check(t, txn, []string{"k"})
				remove(t, test.form, txn, "k", slices.Collect(maps.Keys(m.keys["k"].values))...)
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

// TestWritesTouchParts: a write to a large collection writes the key row and the part, whatever its size.
func TestWritesTouchParts(t *testing.T) {
	s := typetest.New(t)
	s.Apply(func(txn *storage.Txn) { put(t, hashes, txn, "k", numbered(10_000)...) })
	s.Apply(func(txn *storage.Txn) {
		put(t, hashes, txn, "k", "f77", "new")
		remove(t, hashes, txn, "k", "f78")
		if n := txn.Size(); n > 300 {
			t.Errorf("a write and a removal write %d bytes", n)
		}
	})
}
