package str

import (
	"bytes"
	"math/bits"
	"slices"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// Edit is a string in a transaction: what is there, and the means to change it.
type Edit struct {
	t   *storage.Txn
	db  uint8
	key keys.Handle

	Value // as it is now
}

// Open returns the string at key, of which the edit keeps the name. isString is false when the key holds another type.
func Open(t *storage.Txn, db uint8, key []byte) (e Edit, isString bool, err error) {
	e.t, e.db = t, db
	if e.key, err = keys.Open(t, db, key); err != nil || !e.key.Live {
		return e, true, err
	}
	if e.key.Row.Type != layout.String {
		return e, false, nil
	}
	return e, true, e.reload()
}

// reload makes the value what the key row says it is.
func (e *Edit) reload() (err error) {
	e.Value, err = Of(e.t, e.db, e.key.Row)
	return err
}

// Live reports whether the key exists.
func (e *Edit) Live() bool { return e.key.Live }

// Row returns the key row, which is zero when the key is absent.
func (e *Edit) Row() layout.Row { return e.key.Row }

// RemoveKey removes the key.
func (e *Edit) RemoveKey() error {
	_, err := e.key.Remove()
	return err
}

// SetExpiry gives the key, which is Live, another time to live: Unix milliseconds, 0 is never.
func (e *Edit) SetExpiry(version uint64, expireAt int64) error {
	row := e.key.Row
	row.Version, row.ExpireAt = version, expireAt
	return e.key.Put(row)
}

// Replace makes value the string; the key keeps its time to live.
func (e *Edit) Replace(as layout.Encoding, version uint64, value []byte) error {
	if err := PutAs(&e.key, as, version, value, e.key.Row.ExpireAt); err != nil {
		return err
	}
	return e.reload()
}

// Patch writes over the bytes at offset at, or makes the string longer, with zero bytes in a gap. The key keeps its
// time to live.
func (e *Edit) Patch(as layout.Encoding, version uint64, at int, patch []byte) error {
	row := e.key.Row
	size := max(e.size, at+len(patch))
	if row.Parts == 0 && size <= MaxEdited {
		return e.Replace(as, version, SetRange(row.Payload, at, patch))
	}
	whole := row.Payload
	if row.Parts == 0 {
		row.Type, row.Parts = layout.String, e.t.NewParts()
	} else {
		whole = nil
	}
	if e.page == 0 {
		e.page = 1 << smallPage
	}
	row.Encoding, row.Version, row.Payload = as, version, appendPaged(nil, size, bits.TrailingZeros(uint(e.page)))
	if err := e.key.Put(row); err != nil {
		return err
	}
	if err := addPages(&e.key, whole, e.page); err != nil {
		return err
	}
	for len(patch) > 0 {
		n := min(len(patch), e.page-at%e.page)
		if err := e.patchPage(at, patch[:n]); err != nil {
			return err
		}
		at, patch = at+n, patch[n:]
	}
	return e.reload()
}

// patchPage writes over bytes of one page.
func (e *Edit) patchPage(at int, patch []byte) error {
	var room [4]byte
	p, err := e.key.Part(AppendPageName(room[:0], uint32(at/e.page)))
	if err != nil {
		return err
	}
	page := trimZeros(SetRange(p.Value, at%e.page, patch))
	switch {
	case len(page) > 0:
		p.Put(page)
	case p.Value != nil:
		p.Remove()
	}
	return nil
}

// putPages makes value the string of a key in pages.
func putPages(s *keys.Handle, row layout.Row, value []byte) error {
	row.Payload = appendPaged(nil, len(value), largePage)
	if err := s.Put(row); err != nil || !s.Live { // a time that has come removes the key
		return err
	}
	return addPages(s, value, 1<<largePage)
}

// addPages writes value to the pages of a key that has none yet.
func addPages(s *keys.Handle, value []byte, size int) error {
	n := uint32(0)
	for page := range slices.Chunk(value, size) {
		if page = trimZeros(page); len(page) > 0 {
			if err := s.AddPart(AppendPageName(nil, n), page); err != nil {
				return err
			}
		}
		n++
	}
	return nil
}

// trimZeros returns b without the zero bytes at its end.
func trimZeros(b []byte) []byte { return bytes.TrimRight(b, "\x00") }
