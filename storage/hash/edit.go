package hash

import (
	"fmt"
	"slices"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// Edit is a hash in a transaction: what is there, and the means to change it. What is changed counts once it is saved.
type Edit struct {
	t    *storage.Txn
	key  keys.Handle
	row  layout.Row
	head head

	buf     []byte // of a small hash that was changed: room for the head, and the entries
	entries []byte // of a small hash
}

// Open returns the hash at key, of which the edit keeps the name; it has no fields when the key is absent. isHash is
// false when the key holds another type.
func Open(t *storage.Txn, db uint8, key []byte) (e Edit, isHash bool, err error) {
	e.t = t
	if e.key, err = keys.Open(t, db, key); err != nil {
		return e, true, err
	}
	switch e.row = e.key.Row; {
	case !e.key.Live:
		e.row.Type = layout.Hash
		return e, true, nil
	case e.row.Type != layout.Hash:
		return e, false, nil
	}
	if e.head, e.entries, err = parseHead(e.row.Payload); err != nil {
		err = fmt.Errorf("hash: key %x: %w", key, err)
	}
	return e, true, err
}

// Len returns the number of fields.
func (e *Edit) Len() uint64 { return e.head.fields }

// Field is a field of a hash in a transaction. It is good until another field of the hash is written.
type Field struct {
	name  []byte
	part  keys.Part // of a large hash
	entry entry     // of a small one

	Value []byte // nil when there is no such field; must not be changed, and is good as long as the Field
}

// Field looks a field up. It keeps name.
func (e *Edit) Field(name []byte) (f Field, err error) {
	f.name = name
	if e.row.Parts == 0 {
		f.entry, err = findEntry(e.entries, name)
		f.Value = f.entry.value
		return f, err
	}
	f.part, err = e.key.Part(layout.AppendName(make([]byte, 0, nameBuffer), name))
	f.Value = f.part.Value
	return f, err
}

// nameBuffer is how long the name of a part may be that needs no memory of its own.
const nameBuffer = 64

// SetField gives the field a value. A small hash that becomes too large for one row is taken apart.
func (e *Edit) SetField(f *Field, value []byte) error {
	isNew := f.Value == nil
	if isNew {
		e.head.fields++
		e.head.most = max(e.head.most, e.head.fields)
	}
	e.head.longest = max(e.head.longest, uint64(len(f.name)), uint64(len(value)))
	if e.row.Parts == 0 {
		if size := len(e.entries) - (f.entry.end - f.entry.at) + entrySize(f.name, value); e.head.fields <= MaxEntries && size <= MaxEntryBytes {
			appendEntry(e.splice(f.entry, entrySize(f.name, value)), f.name, value)
			return nil
		}
		if err := e.takeApart(f.name); err != nil {
			return err
		}
		return e.key.AddPart(layout.AppendName(nil, f.name), value)
	}
	f.part.Put(value)
	f.Value = f.part.Value
	return nil
}

// RemoveField removes the field and reports whether it was there.
func (e *Edit) RemoveField(f *Field) bool {
	if f.Value == nil {
		return false
	}
	e.head.fields--
	if e.row.Parts == 0 {
		e.splice(f.entry, 0)
	} else {
		f.part.Remove()
	}
	f.Value = nil
	return true
}

// Save makes what was changed the hash at the key, which keeps its time to live; without fields there is no key.
// version is the version of the new row.
func (e *Edit) Save(version uint64) error {
	if e.head.fields == 0 {
		_, err := e.key.Remove()
		return err
	}
	e.row.Version = version
	var room [maxHead]byte
	b := appendHead(room[:0], e.head)
	if e.row.Parts != 0 {
		e.row.Payload = b
		return e.key.Put(e.row)
	}
	e.own(0)
	e.row.Payload = e.buf[maxHead-len(b):]
	copy(e.row.Payload, b)
	return e.key.Put(e.row)
}

// splice puts room for size bytes in the place of an entry, which may be none, and returns it, empty.
func (e *Edit) splice(old entry, size int) (room []byte) {
	e.own(size)
	at, end, n := maxHead+old.at, maxHead+old.end, len(e.buf)
	e.buf = slices.Grow(e.buf, size)[:n-(end-at)+size]
	copy(e.buf[at+size:], e.buf[end:n])
	e.entries = e.buf[maxHead:]
	return e.buf[at : at : at+size]
}

// own makes the entries those of the edit, with room for more.
func (e *Edit) own(more int) {
	if e.buf != nil {
		return
	}
	e.buf = append(make([]byte, maxHead, maxHead+len(e.entries)+more), e.entries...)
	e.entries = e.buf[maxHead:]
}

// takeApart makes parts of a small hash, but of one field.
func (e *Edit) takeApart(but []byte) error {
	e.row.Parts, e.row.Payload = e.t.NewParts(), nil
	if err := e.key.Put(e.row); err != nil {
		return err
	}
	var x entry
	for at := 0; at < len(e.entries); at = x.end {
		var err error
		if x, err = entryAt(e.entries, at); err != nil {
			return err
		}
		if string(x.field) != string(but) {
			if err := e.key.AddPart(layout.AppendName(nil, x.field), x.value); err != nil {
				return err
			}
		}
	}
	e.buf, e.entries = nil, nil
	return nil
}
