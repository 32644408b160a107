// Package keys is what all Redis types share: whether a key is there, its time to live, and the counts and expiry rows
// that every change of a key row must carry along; and the parts of collections. Nothing else writes key rows and
// parts.
//
// A type keeps a small collection whole, in the payload of its key row: it costs what a string costs. A large one is
// kept in parts, each a row of its own, which is found, cached and fetched ahead as key rows are. Row.Parts of the key
// row says where: an id from Txn.NewParts. Whatever happens to the key (DEL, SET, RENAME, an expiry, FLUSHDB) happens
// to its parts, here; types need not know.
package keys

import (
	"fmt"

	"cairn/storage"
	"cairn/storage/layout"
)

// Lookup returns the row of a key; ok is false when it is absent or expired for r. The payload must not be changed. A
// view counts it.
func Lookup(r storage.Reader, db uint8, key []byte) (row layout.Row, ok bool, err error) {
	row, ok, err = Peek(r, db, key)
	if v, isView := r.(*storage.View); isView && err == nil {
		v.NoteLookup(ok)
	}
	return row, ok, err
}

// Peek is Lookup for a command that is about a key, and not about its value: nobody counts it.
func Peek(r storage.Reader, db uint8, key []byte) (row layout.Row, ok bool, err error) {
	b, err := r.Get(layout.AppendKey(r.KeyBuffer(), r.Database(db).Keyspace, key))
	if err != nil || b == nil {
		return layout.Row{}, false, err
	}
	if row, err = parse(key, b); err != nil || r.Expired(row.ExpireAt) {
		return layout.Row{}, false, err
	}
	return row, true, nil
}

// RowBytes returns how many bytes a key takes: its row, and the one of its time to live. It leaves out parts.
func RowBytes(key []byte, row layout.Row) int {
	n := layout.KeySize(key) + layout.RowSize(row)
	if row.ExpireAt != 0 {
		n += layout.ExpirySize(key)
	}
	return n
}

func parse(key, b []byte) (row layout.Row, err error) {
	if row, err = layout.ParseRow(b); err != nil {
		err = fmt.Errorf("keys: row of key %x: %w", key, err)
	}
	return row, err
}

// Handle is one key in a transaction: what is there, and the means to change it. It is read once, by Open,
// and stays true as long as only it changes the key.
type Handle struct {
	t        *storage.Txn
	db       uint8
	key      []byte
	locator  storage.Locator
	stored   bool   // a row is there, expired or not
	expireAt int64  // of that row
	parts    uint64 // of that row

	Live bool       // the key exists for its users
	Row  layout.Row // its row when Live, else zero; the payload must not be changed
}

// Open looks a key up. The handle keeps key, which the caller must not change.
func Open(t *storage.Txn, db uint8, key []byte) (h Handle, err error) {
	h.t, h.db, h.key = t, db, key
	b, err := t.Find(&h.locator, db, key)
	if err != nil || b == nil {
		return h, err
	}
	if h.Row, err = parse(key, b); err != nil {
		return h, err
	}
	h.stored, h.expireAt, h.parts = true, h.Row.ExpireAt, h.Row.Parts
	if h.Live = !t.Expired(h.expireAt); !h.Live {
		h.Row = layout.Row{}
	}
	return h, nil
}

// Put writes row as the key's new row. The row's WrittenAt becomes the transaction's time. A row whose time has already
// come removes the key. Parts of another collection that was here are removed.
func (h *Handle) Put(row layout.Row) error {
	if h.t.Expired(row.ExpireAt) {
		_, err := h.Remove()
		return err
	}
	row.WrittenAt = h.t.Time()
	return h.putRow(row)
}

// Renew gives the key, which is Live, another time to live, and makes it one that was written at writtenAt.
func (h *Handle) Renew(expireAt, writtenAt int64) error {
	row := h.Row
	row.ExpireAt, row.WrittenAt = expireAt, writtenAt
	return h.putRow(row)
}

func (h *Handle) putRow(row layout.Row) error {
	if !h.stored {
		h.t.AddKeys(h.db, 1, 0)
	}
	if err := h.moveExpiry(row.ExpireAt); err != nil {
		return err
	}
	if err := h.moveParts(row.Parts); err != nil {
		return err
	}
	h.stored, h.expireAt, h.Live, h.Row = true, row.ExpireAt, true, row
	return h.t.SetRow(&h.locator, row)
}

// Remove deletes the key with its parts and reports whether it existed for its users.
func (h *Handle) Remove() (bool, error) {
	was := h.Live
	if !h.stored {
		return was, nil
	}
	if err := h.moveExpiry(0); err != nil {
		return was, err
	}
	if err := h.moveParts(0); err != nil {
		return was, err
	}
	h.t.AddKeys(h.db, -1, 0)
	h.stored, h.expireAt, h.Live, h.Row = false, 0, false, layout.Row{}
	h.t.DeleteRow(&h.locator)
	return was, nil
}

// moveExpiry replaces the expiry row of the stored row by one at expireAt.
func (h *Handle) moveExpiry(expireAt int64) error {
	old := h.expireAt // 0 when no row is stored
	if old == expireAt {
		return nil
	}
	keyspace := h.t.Database(h.db).Keyspace
	if old != 0 {
		h.t.AddKeys(h.db, 0, -1)
		if err := h.t.Delete(layout.AppendExpiry(nil, old, keyspace, h.key)); err != nil {
			return err
		}
	}
	if expireAt == 0 {
		return nil
	}
	h.t.AddKeys(h.db, 0, 1)
	return h.t.Set(layout.AppendExpiry(nil, expireAt, keyspace, h.key), nil)
}

// Flush removes every key of a database. Its expiry rows stay until their time comes; RemoveExpired finds them
// orphaned.
func Flush(t *storage.Txn, db uint8) error {
	d := t.Database(db)
	if d.Keys == 0 {
		return nil // a range deletion of nothing would still cost every later read
	}
	t.AddKeys(db, -int(d.Keys), -int(d.Expires))
	keys, parts := layout.KeyspaceBounds(d.Keyspace)
	if err := t.DeleteRange(keys[0], keys[1]); err != nil {
		return err
	}
	return removeRange(t, parts[0], parts[1])
}
