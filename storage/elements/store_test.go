package elements_test

import (
	"testing"

	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/typetest"
)

// hashes and sets are what tests keep: elements with values, and without.
var (
	hashes = elements.Form{Type: layout.Hash, Values: true, MaxEntries: 128, MaxEntryBytes: 8 << 10}
	sets   = elements.Form{Type: layout.Set, MaxEntries: 128, MaxEntryBytes: 8 << 10}
)

// put gives names values, in turns; in a set they count for nothing.
func put(t testing.TB, f elements.Form, txn *storage.Txn, key string, pairs ...string) {
	t.Helper()
	e, ok, err := f.Open(txn, 0, []byte(key))
	if typetest.Must(t, err); !ok {
		t.Fatalf("%q is no %v", key, f.Type)
	}
	for ; len(pairs) > 0; pairs = pairs[2:] {
		s, err := e.Item([]byte(pairs[0]))
		typetest.Must(t, err)
		typetest.Must(t, e.Put(&s, valueOf(f, pairs[1])))
	}
	typetest.Must(t, e.Save(1))
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
	typetest.Must(t, err)
	for _, name := range names {
		s, err := e.Item([]byte(name))
		if typetest.Must(t, err); e.Drop(&s) {
			n++
		}
	}
	typetest.Must(t, e.Save(1))
	return n
}

func lookup(t testing.TB, f elements.Form, r storage.Reader, key string) *elements.Collection {
	t.Helper()
	c, ok, err := f.Lookup(r, 0, []byte(key))
	if typetest.Must(t, err); !ok {
		t.Fatalf("%q is no %v", key, f.Type)
	}
	return &c
}

// all returns the names in their order, and what they are.
func all(t testing.TB, c *elements.Collection) (order []string, values map[string]string) {
	t.Helper()
	values = make(map[string]string)
	typetest.Must(t, c.Walk(func(name, value []byte) (bool, error) {
		order = append(order, string(name))
		values[string(name)] = string(value)
		return true, nil
	}))
	if uint64(len(values)) != c.Len() || len(order) != len(values) {
		t.Fatalf("%d elements are counted, %d are there, %d of them different", c.Len(), len(order), len(values))
	}
	return order, values
}

func drop(t testing.TB, txn *storage.Txn, key string) {
	t.Helper()
	k, err := keys.Open(txn, 0, []byte(key))
	typetest.Must(t, err)
	_, err = k.Remove()
	typetest.Must(t, err)
}
