package elements_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// testStore is a store in memory with a log of its own.
type testStore struct {
	t     testing.TB
	fs    vfs.FS
	s     *storage.Store
	index uint64
}

func newStore(t testing.TB) *testStore {
	t.Helper()
	s := &testStore{t: t, fs: vfs.NewMem()}
	s.open()
	t.Cleanup(func() { must(t, s.s.Close()) })
	return s
}

func (s *testStore) open() {
	s.t.Helper()
	var err error
	if s.s, err = storage.Open("elements", storage.Options{FS: s.fs}); err != nil {
		s.t.Fatal(err)
	}
}

// restart closes the store and opens it again.
func (s *testStore) restart() {
	s.t.Helper()
	must(s.t, s.s.Close())
	s.open()
}

// apply runs fn in a transaction and commits it.
func (s *testStore) apply(fn func(txn *storage.Txn)) {
	s.t.Helper()
	txn, err := s.s.Begin()
	must(s.t, err)
	done := false
	defer func() {
		if !done { // fn has ended the test; the store's Close waits for the transaction
			txn.Discard()
		}
	}()
	txn.SetTime(1)
	fn(txn)
	s.index++
	done = true
	must(s.t, txn.Commit(storage.Applied{Index: s.index, Term: 1}))
}

// view runs fn on a view.
func (s *testStore) view(fn func(v *storage.View)) {
	s.t.Helper()
	v, err := s.s.View(1)
	must(s.t, err)
	defer func() { must(s.t, v.Close()) }()
	fn(v)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hashes and sets are what tests keep: elements with values, and without.
var (
	hashes = elements.Form{Type: layout.Hash, Values: true, MaxEntries: 128, MaxEntryBytes: 8 << 10}
	sets   = elements.Form{Type: layout.Set, MaxEntries: 128, MaxEntryBytes: 8 << 10}
)

// put gives names values, in turns; in a set they count for nothing.
func put(t testing.TB, f elements.Form, txn *storage.Txn, key string, pairs ...string) {
	t.Helper()
	e, ok, err := f.Open(txn, 0, []byte(key))
	if must(t, err); !ok {
		t.Fatalf("%q is no %v", key, f.Type)
	}
	for ; len(pairs) > 0; pairs = pairs[2:] {
		s, err := e.Item([]byte(pairs[0]))
		must(t, err)
		must(t, e.Put(&s, valueOf(f, pairs[1])))
	}
	must(t, e.Save(1))
}

// valueOf returns the value that an element of a form is given.
func valueOf(f elements.Form, value string) []byte {
	if !f.Values {
		return nil
	}
	return []byte(value)
}

// remove removes elements, and says how many there were.
func remove(t testing.TB, f elements.Form, txn *storage.Txn, key string, names ...string) (n int) {
	t.Helper()
	e, _, err := f.Open(txn, 0, []byte(key))
	must(t, err)
	for _, name := range names {
		s, err := e.Item([]byte(name))
		if must(t, err); e.Drop(&s) {
			n++
		}
	}
	must(t, e.Save(1))
	return n
}

func lookup(t testing.TB, f elements.Form, r storage.Reader, key string) *elements.Collection {
	t.Helper()
	c, ok, err := f.Lookup(r, 0, []byte(key))
	if must(t, err); !ok {
		t.Fatalf("%q is no %v", key, f.Type)
	}
	return &c
}

// all returns the names in their order, and what they are.
func all(t testing.TB, c *elements.Collection) (order []string, values map[string]string) {
	t.Helper()
	values = make(map[string]string)
	must(t, c.Walk(func(name, value []byte) (bool, error) {
		order = append(order, string(name))
		values[string(name)] = string(value)
		return true, nil
	}))
	if uint64(len(values)) != c.Len() || len(order) != len(values) {
		t.Fatalf("%d elements are counted, %d are there, %d of them different", c.Len(), len(order), len(values))
	}
	return order, values
}

// partRows counts the rows of parts of all collections.
func partRows(t testing.TB, r storage.Reader) (n int) {
	t.Helper()
	must(t, r.Scan([]byte{layout.TagPart}, []byte{layout.TagPart + 1}, func(_, _ []byte) (bool, error) { n++; return true, nil }))
	return n
}

func drop(t testing.TB, txn *storage.Txn, key string) {
	t.Helper()
	k, err := keys.Open(txn, 0, []byte(key))
	must(t, err)
	_, err = k.Remove()
	must(t, err)
}
