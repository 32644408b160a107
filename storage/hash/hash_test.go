package hash_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage"
	"cairn/storage/hash"
)

// TestPast: a hash remembers how many fields it had, and how long the longest field or value was, until it is gone.
func TestPast(t *testing.T) {
	s, err := storage.Open("hash", storage.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	txn, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { txn.Discard(); s.Close() }()
	change := func(fn func(e *hash.Edit)) {
		e, isHash, err := hash.Open(txn, 0, []byte("k"))
		if err != nil || !isHash {
			t.Fatal(isHash, err)
		}
		if fn(&e); e.Save(1) != nil {
			t.Fatal("not saved")
		}
	}
	set := func(field, value string) {
		change(func(e *hash.Edit) {
			f, err := e.Item([]byte(field))
			if err != nil || e.SetField(&f, []byte(value)) != nil {
				t.Fatal(err)
			}
		})
	}
	remove := func(field string) {
		change(func(e *hash.Edit) {
			if f, err := e.Item([]byte(field)); err != nil || !e.Drop(&f) {
				t.Fatal(err)
			}
		})
	}
	past := func(most, longest uint64) {
		t.Helper()
		h, _, err := hash.Lookup(txn, 0, []byte("k"))
		if m, l := h.Past(); err != nil || m != most || l != longest {
			t.Errorf("at most %d fields, of up to %d bytes, %v; want %d, %d", m, l, err, most, longest)
		}
	}
	set("a", "1")
	past(1, 1)
	set("b", strings.Repeat("v", 300))
	past(2, 300)
	set(strings.Repeat("f", 400), "")
	past(3, 400)
	set("b", "short")
	remove("a")
	past(3, 400)
	remove("b")
	remove(strings.Repeat("f", 400))
	set("a", "12")
	past(1, 2)
}
