package keys_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// testStore is an empty store in memory with a log of its own.
type testStore struct {
	t     testing.TB
	s     *storage.Store
	index uint64
}

func newStore(t testing.TB) *testStore {
	t.Helper()
	s, err := storage.Open("keys", storage.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, s.Close()) })
	return &testStore{t: t, s: s}
}

// apply runs fn in a transaction at time now and commits it.
func (s *testStore) apply(now int64, fn func(txn *storage.Txn)) {
	s.t.Helper()
	txn, err := s.s.Begin()
	must(s.t, err)
	done := false
	defer func() {
		if !done { // fn has ended the test; the store's Close waits for the transaction
			txn.Discard()
		}
	}()
	txn.SetTime(now)
	fn(txn)
	s.index++
	done = true
	must(s.t, txn.Commit(storage.Applied{Index: s.index, Term: 1}))
}

// view runs fn on a view at time now.
func (s *testStore) view(now int64, fn func(v *storage.View)) {
	s.t.Helper()
	v, err := s.s.View(now)
	must(s.t, err)
	defer func() { must(s.t, v.Close()) }()
	fn(v)
}

func put(t testing.TB, txn *storage.Txn, db uint8, key string, expireAt int64) {
	t.Helper()
	s, err := keys.Open(txn, db, []byte(key))
	must(t, err)
	must(t, s.Put(layout.Row{Type: layout.String, ExpireAt: expireAt, Payload: []byte(key)}))
}

func remove(t testing.TB, txn *storage.Txn, db uint8, key string) {
	t.Helper()
	s, err := keys.Open(txn, db, []byte(key))
	must(t, err)
	_, err = s.Remove()
	must(t, err)
}

func live(t testing.TB, r storage.Reader, db uint8, key string) bool {
	t.Helper()
	_, ok, err := keys.Lookup(r, db, []byte(key))
	must(t, err)
	return ok
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
