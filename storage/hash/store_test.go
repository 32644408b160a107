package hash_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage"
	"cairn/storage/hash"
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
	if s.s, err = storage.Open("hash", storage.Options{FS: s.fs}); err != nil {
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

// set gives fields values, in turns.
func set(t testing.TB, txn *storage.Txn, key string, pairs ...string) {
	t.Helper()
	h, isHash, err := hash.Open(txn, 0, []byte(key))
	if must(t, err); !isHash {
		t.Fatalf("%q is no hash", key)
	}
	for ; len(pairs) > 0; pairs = pairs[2:] {
		f, err := h.Field([]byte(pairs[0]))
		must(t, err)
		must(t, h.SetField(&f, []byte(pairs[1])))
	}
	must(t, h.Save(1))
}

// remove removes fields, and says how many there were.
func remove(t testing.TB, txn *storage.Txn, key string, fields ...string) (n int) {
	t.Helper()
	h, _, err := hash.Open(txn, 0, []byte(key))
	must(t, err)
	for _, name := range fields {
		f, err := h.Field([]byte(name))
		if must(t, err); h.RemoveField(&f) {
			n++
		}
	}
	must(t, h.Save(1))
	return n
}

func lookup(t testing.TB, r storage.Reader, key string) hash.Hash {
	t.Helper()
	h, isHash, err := hash.Lookup(r, 0, []byte(key))
	if must(t, err); !isHash {
		t.Fatalf("%q is no hash", key)
	}
	return h
}

// all returns the fields in their order, and what they are.
func all(t testing.TB, h hash.Hash) (order []string, values map[string]string) {
	t.Helper()
	values = make(map[string]string)
	must(t, h.Walk(func(field, value []byte) (bool, error) {
		order = append(order, string(field))
		values[string(field)] = string(value)
		return true, nil
	}))
	if uint64(len(values)) != h.Len() || len(order) != len(values) {
		t.Fatalf("%d fields are counted, %d are there, %d of them different", h.Len(), len(order), len(values))
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
