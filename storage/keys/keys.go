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

// Lookup returns the row of a key; ok is false when it is absent or expired for r. The payload must not be changed.
func Lookup(r storage.Reader, db uint8, key []byte) (row layout.Row, ok bool, err error) {
	b, err := r.Get(layout.AppendKey(r.KeyBuffer(), r.Database(db).Keyspace, key))
	if err != nil || b == nil {
		return layout.Row{}, false, err
	}
	if row, err = parse(key, b); err != nil || r.Expired(row.ExpireAt) {
		return layout.Row{}, false, err
	}
	return row, true, nil
}

func parse(key, b []byte) (row layout.Row, err error) {
	if row, err = layout.ParseRow(b); err != nil {
		err = fmt.Errorf("keys: row of key %x: %w", key, err)
	}
	return row, err
}

// Slot is the place of one key in a transaction: what is there, and the means to change it. It is read once, by Open,
// and stays true as long as only it changes the key.
type Slot struct {
	t        *storage.Txn
	db       uint8
	key      []byte
	place    storage.Place
	stored   bool   // a row is there, expired or not
	expireAt int64  // of that row
	parts    uint64 // of that row

	Live bool       // the key exists for its users
	Row  layout.Row // its row when Live, else zero; the payload must not be changed
}

// Open reads the place of a key. The slot keeps key, which the caller must not change.
func Open(t *storage.Txn, db uint8, key []byte) (s Slot, err error) {
	s.t, s.db, s.key = t, db, key
	b, err := t.Find(&s.place, db, key)
	if err != nil || b == nil {
		return s, err
	}
	if s.Row, err = parse(key, b); err != nil {
		return s, err
	}
	s.stored, s.expireAt, s.parts = true, s.Row.ExpireAt, s.Row.Parts
	if s.Live = !t.Expired(s.expireAt); !s.Live {
		s.Row = layout.Row{}
	}
	return s, nil
}

// Put writes row as the key's new row. The row's WrittenAt becomes the transaction's time. A row whose time has already
// come removes the key. Parts of another collection that was here are removed.
func (s *Slot) Put(row layout.Row) error {
	if s.t.Expired(row.ExpireAt) {
		_, err := s.Remove()
		return err
	}
	row.WrittenAt = s.t.Time()
	if !s.stored {
		s.t.AddKeys(s.db, 1, 0)
	}
	if err := s.moveExpiry(row.ExpireAt); err != nil {
		return err
	}
	if err := s.moveParts(row.Parts); err != nil {
		return err
	}
	s.stored, s.expireAt, s.Live, s.Row = true, row.ExpireAt, true, row
	return s.t.SetRow(&s.place, row)
}

// Remove deletes the key with its parts and reports whether it existed for its users.
func (s *Slot) Remove() (bool, error) {
	was := s.Live
	if !s.stored {
		return was, nil
	}
	if err := s.moveExpiry(0); err != nil {
		return was, err
	}
	if err := s.moveParts(0); err != nil {
		return was, err
	}
	s.t.AddKeys(s.db, -1, 0)
	s.stored, s.expireAt, s.Live, s.Row = false, 0, false, layout.Row{}
	s.t.DeleteRow(&s.place)
	return was, nil
}

// moveExpiry replaces the expiry row of the stored row by one at expireAt.
func (s *Slot) moveExpiry(expireAt int64) error {
	old := s.expireAt // 0 when no row is stored
	if old == expireAt {
		return nil
	}
	keyspace := s.t.Database(s.db).Keyspace
	if old != 0 {
		s.t.AddKeys(s.db, 0, -1)
		if err := s.t.Delete(layout.AppendExpiry(nil, old, keyspace, s.key)); err != nil {
			return err
		}
	}
	if expireAt == 0 {
		return nil
	}
	s.t.AddKeys(s.db, 0, 1)
	return s.t.Set(layout.AppendExpiry(nil, expireAt, keyspace, s.key), nil)
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
