package elements

import (
	"fmt"
	"slices"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// Edit is a collection in a transaction: what is there, and the means to change it. What is changed counts once it is
// saved.
type Edit struct {
	Head
	form Form
	t    *storage.Txn
	db   uint8
	key  keys.Handle
	row  layout.Row

	buf     []byte // of a small collection that was changed: room for the head, and the entries
	entries []byte // of a small collection
}

// Open returns the collection at key, of which the edit keeps the name; it has no elements when the key is absent. ok
// is false when the key holds another type.
func (f Form) Open(t *storage.Txn, db uint8, key []byte) (e Edit, ok bool, err error) {
	e.form, e.t, e.db = f, t, db
	if e.key, err = keys.Open(t, db, key); err != nil {
		return e, true, err
	}
	switch e.row = e.key.Row; {
	case !e.key.Live:
		e.row.Type = f.Type
		return e, true, nil
	case e.row.Type != f.Type:
		return e, false, nil
	}
	if e.Head, e.entries, err = ParseHead(e.row.Payload); err != nil {
		err = damaged(key, err)
	}
	return e, true, err
}

func damaged(key []byte, err error) error { return fmt.Errorf("elements: key %x: %w", key, err) }

// Clear empties the collection, or what other type is at the key, and its past and its time to live with it: what is
// put then is a new collection.
func (e *Edit) Clear() {
	*e = Edit{form: e.form, t: e.t, db: e.db, key: e.key, row: layout.Row{Type: e.form.Type}}
}

// Saved returns the collection for who reads it as it is now, saved or not. It is good until something is changed.
func (e *Edit) Saved() Collection {
	return Collection{Head: e.Head, form: e.form, r: e.t, db: e.db, row: e.row, entries: e.entries}
}

// Item is where an element is, or would be, of a collection in a transaction. It is good until another element of the
// collection is written.
type Item struct {
	Name  []byte
	part  keys.Part // of a large collection
	entry entry     // of a small one

	Value []byte // nil when there is no such element; must not be changed, and is good as long as the Item
}

// Item looks an element up. It keeps name.
func (e *Edit) Item(name []byte) (s Item, err error) {
	s.Name = name
	if e.row.Parts == 0 {
		s.entry, err = e.form.find(e.entries, name)
		s.Value = s.entry.value
		return s, err
	}
	s.part, err = e.key.Part(layout.AppendName(make([]byte, 0, nameBuffer), name))
	s.Value = s.part.Value
	return s, err
}

// nameBuffer is how long the name of a part may be that needs no memory of its own.
const nameBuffer = 64

// Put gives the element a value. A small collection that becomes too large for one row is taken apart.
func (e *Edit) Put(s *Item, value []byte) error {
	if s.Value == nil {
		e.Count++
		e.Most = max(e.Most, e.Count)
	}
	if e.row.Parts == 0 {
		more := e.form.size(s.Name, value)
		if size := len(e.entries) - (s.entry.end - s.entry.at) + more; e.Count <= e.form.MaxEntries && size <= e.form.MaxEntryBytes {
			e.form.appendEntry(e.splice(s.entry, more), s.Name, value)
			return nil
		}
		if err := e.takeApart(s.Name); err != nil {
			return err
		}
		return e.key.AddPart(layout.AppendName(nil, s.Name), value)
	}
	s.part.Put(value)
	s.Value = s.part.Value
	return nil
}

// Add is Put for an element that is not there, as the caller knows: it is not looked for.
func (e *Edit) Add(name, value []byte) error {
	if e.row.Parts == 0 {
		return e.Put(&Item{Name: name, entry: entry{at: len(e.entries), end: len(e.entries)}}, value)
	}
	e.Count++
	e.Most = max(e.Most, e.Count)
	return e.key.AddPart(layout.AppendName(nil, name), value)
}

// Drop removes the element and reports whether it was there.
func (e *Edit) Drop(s *Item) bool {
	if s.Value == nil {
		return false
	}
	e.Count--
	if e.row.Parts == 0 {
		e.splice(s.entry, 0)
	} else {
		s.part.Remove()
	}
	s.Value = nil
	return true
}

// Save makes what was changed the collection at the key, which keeps its time to live; without elements there is no
// key. version is the version of the new row.
func (e *Edit) Save(version uint64) error {
	if e.Count == 0 {
		_, err := e.key.Remove()
		return err
	}
	e.row.Version = version
	var room [MaxHead]byte
	b := AppendHead(room[:0], e.Head)
	if e.row.Parts != 0 {
		e.row.Payload = b
		return e.key.Put(e.row)
	}
	e.own(0)
	e.row.Payload = e.buf[MaxHead-len(b):]
	copy(e.row.Payload, b)
	return e.key.Put(e.row)
}

// splice puts room for size bytes in the place of an entry, which may be none, and returns it, empty.
func (e *Edit) splice(old entry, size int) (room []byte) {
	e.own(size)
	at, end, n := MaxHead+old.at, MaxHead+old.end, len(e.buf)
	e.buf = slices.Grow(e.buf, size)[:n-(end-at)+size]
	copy(e.buf[at+size:], e.buf[end:n])
	e.entries = e.buf[MaxHead:]
	return e.buf[at : at : at+size]
}

// own makes the entries those of the edit, with room for more.
func (e *Edit) own(more int) {
	if e.buf != nil {
		return
	}
	e.buf = append(make([]byte, MaxHead, MaxHead+len(e.entries)+more), e.entries...)
	e.entries = e.buf[MaxHead:]
}

// takeApart makes parts of a small collection, but of one element.
func (e *Edit) takeApart(but []byte) error {
	e.row.Parts, e.row.Payload = e.t.NewParts(), nil
	if err := e.key.Put(e.row); err != nil {
		return err
	}
	var x entry
	for at := 0; at < len(e.entries); at = x.end {
		var err error
		if x, err = e.form.entryAt(e.entries, at); err != nil {
			return err
		}
		if string(x.name) != string(but) {
			if err := e.key.AddPart(layout.AppendName(nil, x.name), x.value); err != nil {
				return err
			}
		}
	}
	e.buf, e.entries = nil, nil
	return nil
}
