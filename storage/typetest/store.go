// Package typetest is what the tests of Redis's types on a store share.
package typetest

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage"
	"cairn/storage/layout"
)

// Store is a store in memory with a log of its own.
type Store struct {
	t     testing.TB
	fs    vfs.FS
	s     *storage.Store
	index uint64
}

// New returns an empty store, which ends with the test.
func New(t testing.TB) *Store {
	t.Helper()
	s := &Store{t: t, fs: vfs.NewMem()}
	s.openStore()
	t.Cleanup(func() { Must(t, s.s.Close()) })
	return s
}

func (s *Store) openStore() {
	s.t.Helper()
	var err error
	s.s, err = storage.Open("state", storage.Options{FS: s.fs})
	Must(s.t, err)
}

// Restart closes the store and opens it again.
func (s *Store) Restart() {
	s.t.Helper()
	Must(s.t, s.s.Close())
	s.openStore()
}

// Sync puts on disk what was committed.
func (s *Store) Sync() {
	s.t.Helper()
	Must(s.t, s.s.Sync())
}

// Apply runs fn in a transaction and commits it.
func (s *Store) Apply(fn func(txn *storage.Txn)) {
	s.t.Helper()
	txn, err := s.s.Begin()
	Must(s.t, err)
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
	Must(s.t, txn.Commit(storage.Applied{Index: s.index, Term: 1}))
}

// View runs fn on a view.
func (s *Store) View(fn func(v *storage.View)) {
	s.t.Helper()
	v, err := s.s.View(1)
	Must(s.t, err)
	defer func() { Must(s.t, v.Close()) }()
	fn(v)
}

// Must ends the test when there is an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// PartRows counts the rows of parts of all collections.
func PartRows(t testing.TB, r storage.Reader) (n int) {
	t.Helper()
	Must(t, r.Scan([]byte{layout.TagPart}, []byte{layout.TagPart + 1}, func(_, _ []byte) (bool, error) { n++; return true, nil }))
	return n
}
