package keys

import (
	"bytes"
	"fmt"

	"cairn/storage"
	"cairn/storage/layout"
)

// Part is one part of a collection in a transaction: what is there, and the means to change it. It stays
// true as long as only it changes the part.
type Part struct {
	t       *storage.Txn
	locator storage.Locator

	Value []byte // nil when there is no such part; must not be changed
}

// Part looks a part up of the collection of h, which is Live and has parts. It keeps nothing of name.
func (h *Handle) Part(name []byte) (p Part, err error) {
	p.t = h.t
	if p.Value, err = h.t.FindPart(&p.locator, h.db, h.Row.Parts, name); err != nil {
		err = fmt.Errorf("keys: part %x of key %x: %w", name, h.key, err)
	}
	return p, err
}

// NewParts returns an id for parts of the key, see Txn.NewParts.
func (h *Handle) NewParts() uint64 { return h.t.NewParts() }

// AddPart writes a part that is not there yet. It keeps nothing of name and value.
func (h *Handle) AddPart(name, value []byte) error {
	pkey := layout.AppendPart(nil, h.t.Database(h.db).Keyspace, h.Row.Parts, name)
	return h.t.Set(pkey, layout.AppendPartRow(nil, value))
}

// Put writes the part. The part keeps value, which the caller must not change.
func (p *Part) Put(value []byte) {
	if value == nil {
		value = []byte{}
	}
	p.Value = value
	p.t.SetPart(&p.locator, value)
}

// Remove deletes the part and reports whether it was there.
func (p *Part) Remove() bool {
	if p.Value == nil {
		return false
	}
	p.Value = nil
	p.t.DeleteRow(&p.locator)
	return true
}

// ExpectPart says that a part of the collection at a key will be asked for: Txn.Expect for the parts of collections,
// once the keys that are expected were fetched. A key that has no parts needs none.
func ExpectPart(t *storage.Txn, db uint8, key, name []byte) (more bool, err error) {
	id, err := PeekParts(t, db, key)
	if err != nil || id == 0 {
		return true, err
	}
	return t.ExpectPart(db, id, name), nil
}

// PeekParts returns the id of the parts of the collection at a key that is expected and fetched, 0 when it has none. It
// is for who expects several parts of it.
func PeekParts(t *storage.Txn, db uint8, key []byte) (id uint64, err error) {
	b, err := t.Peek(db, key)
	if err != nil || b == nil {
		return 0, err
	}
	row, err := parse(key, b)
	return row.Parts, err
}

// LookupPart returns a part of the collection whose key row is row, nil when it is absent. The value must not be
// changed.
func LookupPart(r storage.Reader, db uint8, row layout.Row, name []byte) (value []byte, err error) {
	b, err := r.Get(layout.AppendPart(r.KeyBuffer(), r.Database(db).Keyspace, row.Parts, name))
	if err != nil || b == nil {
		return nil, err
	}
	if value, err = layout.ParsePartRow(b); err != nil {
		err = fmt.Errorf("keys: part %x: %w", name, err)
	}
	return value, err
}

// WalkParts calls fn for the parts of the collection whose key row is row in the order of their names, beginning at
// from, until fn says that it wants no more. name and value are valid during the call; a Txn must not be written to
// meanwhile.
func WalkParts(r storage.Reader, db uint8, row layout.Row, from []byte, fn func(name, value []byte) (more bool, err error)) error {
	keyspace := r.Database(db).Keyspace
	_, hi := layout.PartBounds(keyspace, row.Parts)
	return r.Scan(layout.AppendPart(nil, keyspace, row.Parts, from), hi, func(k, v []byte) (bool, error) {
		_, _, name, err := layout.ParsePart(k)
		if err == nil {
			v, err = layout.ParsePartRow(v)
		}
		if err != nil {
			return false, fmt.Errorf("keys: row %x: %w", k, err)
		}
		return fn(name, v)
	})
}

// Copy puts the row of h, which is Live, in the place of dst's, its expiry and its parts included. version is the
// version of dst's new row.
func (h *Handle) Copy(dst *Handle, version uint64) error {
	row := h.Row
	row.Version = version
	if row.Parts != 0 {
		row.Parts = h.t.NewParts()
		if err := h.copyParts(dst.db, row.Parts); err != nil {
			return err
		}
	}
	return dst.Put(row)
}

// Move is Copy and removes the key of h. Within a database parts stay where they are.
func (h *Handle) Move(dst *Handle, version uint64) error {
	if h.db != dst.db || h.Row.Parts == 0 {
		if err := h.Copy(dst, version); err != nil {
			return err
		}
		_, err := h.Remove()
		return err
	}
	row := h.Row
	row.Version = version
	h.parts = 0 // they are dst's
	if err := dst.Put(row); err != nil {
		return err
	}
	_, err := h.Remove()
	return err
}

// copyPage is how many parts are copied between two scans: none is written during one.
const copyPage = 256

func (h *Handle) copyParts(db uint8, id uint64) error {
	keyspace := h.t.Database(db).Keyspace
	for from := []byte(nil); ; {
		var names, values [][]byte
		err := WalkParts(h.t, h.db, h.Row, from, func(name, value []byte) (bool, error) {
			names, values = append(names, bytes.Clone(name)), append(values, layout.AppendPartRow(nil, value))
			return len(names) < copyPage, nil
		})
		if err != nil {
			return err
		}
		for i, name := range names {
			if err := h.t.Set(layout.AppendPart(nil, keyspace, id, name), values[i]); err != nil {
				return err
			}
		}
		if len(names) < copyPage {
			return nil
		}
		from = append(names[copyPage-1], 0)
	}
}

// NoParts says that the last part was removed, so that nobody looks for more.
func (h *Handle) NoParts() { h.parts = 0 }

// moveParts removes the parts of the stored row, unless they are the new row's too.
func (h *Handle) moveParts(id uint64) error {
	old := h.parts // 0 when no row is stored, or when it has none
	if h.parts = id; old == 0 || old == id {
		return nil
	}
	lo, hi := layout.PartBounds(h.t.Database(h.db).Keyspace, old)
	return removeRange(h.t, lo, hi)
}

// fewRows are removed one by one: a range deletion is looked at by every later read, until it is flushed.
const fewRows = 64

// removeRange removes the rows in [lo, hi), in which none is chunked that was not read in this transaction unless they
// are many.
func removeRange(t *storage.Txn, lo, hi []byte) error {
	var few [][]byte
	long := false
	err := t.Scan(lo, hi, func(k, v []byte) (bool, error) {
		few, long = append(few, bytes.Clone(k)), long || len(v) > maxSingleDelete
		return len(few) <= fewRows && !long, nil
	})
	if err != nil {
		return err
	}
	if len(few) > fewRows || long {
		return t.DeleteRange(lo, hi)
	}
	for _, k := range few {
		if err := t.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// maxAlone is how long the value of a row may be that is removed one by one: whoever removes a longer one must have
// read it.
const maxSingleDelete = 256 << 10
