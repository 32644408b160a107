package keys

import (
	"bytes"
	"fmt"

	"cairn/storage"
	"cairn/storage/layout"
)

// Walk calls fn for the live keys of a database in the order of their positions, beginning at from, until fn says
// that it wants no more. key and row are valid during the call; a Txn must not be written to meanwhile.
func Walk(r storage.Reader, db uint8, from layout.Position, fn func(p layout.Position, key []byte, row layout.Row) (more bool, err error)) error {
	return WalkRange(r, db, from, layout.EndPosition, fn)
}

// WalkRange is Walk over the positions in [from, to).
func WalkRange(r storage.Reader, db uint8, from, to layout.Position, fn func(p layout.Position, key []byte, row layout.Row) (more bool, err error)) error {
	return walkStored(r, db, from, to, func(p layout.Position, key []byte, row layout.Row) (bool, error) {
		if r.Expired(row.ExpireAt) {
			return true, nil
		}
		return fn(p, key, row)
	})
}

// walkStored is WalkRange over all rows, those of expired keys too.
func walkStored(r storage.Reader, db uint8, from, to layout.Position, fn func(p layout.Position, key []byte, row layout.Row) (more bool, err error)) error {
	keyspace := r.Database(db).Keyspace
	lo, hi := layout.AppendPosition(nil, keyspace, from), layout.AppendPosition(nil, keyspace, to)
	return r.Scan(lo, hi, func(k, v []byte) (bool, error) {
		_, p, key, err := layout.ParseKey(k)
		if err != nil {
			return false, err
		}
		row, err := layout.ParseRow(v)
		if err != nil {
			return false, fmt.Errorf("keys: row %x: %w", k, err)
		}
		return fn(p, key, row)
	})
}

// hashBits is how much of a position is not the slot.
const hashBits = 32

// SlotRange returns the positions of a slot: from inclusive, to exclusive.
func SlotRange(slot uint16) (from, to layout.Position) {
	from = layout.Position(slot) << hashBits
	return from, from + 1<<hashBits
}

// Page is one step of an iteration that nobody remembers but the caller. It calls fn for the live keys among the
// first limit rows in [from, to), or fewer when fn says that it wants no more, and returns the position at which the
// next page begins; to says that nothing is left.
//
// Keys of one position are never parted, because a position is all that the caller carries from page to page: a page
// is longer than limit by the rest of its last group. So a key that is there during a whole iteration is in exactly
// one page. Rows of expired keys count, for they cost as much as others. key and row are valid during the call.
func Page(r storage.Reader, db uint8, from, to layout.Position, limit int, fn func(key []byte, row layout.Row) (more bool)) (next layout.Position, err error) {
	if from >= to {
		return to, nil
	}
	next = to
	seen, full, last := 0, false, layout.Position(0)
	err = walkStored(r, db, from, to, func(p layout.Position, key []byte, row layout.Row) (bool, error) {
		if full && p != last {
			next = p
			return false, nil
		}
		seen, last = seen+1, p
		if !r.Expired(row.ExpireAt) && !fn(key, row) {
			full = true
		}
		full = full || seen >= limit
		return true, nil
	})
	return next, err
}

// Random returns a live key of a database, chosen by seed, which should be evenly distributed; ok is false when there
// is none. It takes the slot at or after a random one, and in it the key at or after a random hash: a few seeks,
// whatever the size. A key's chance is thus the gap before it, within its slot, and the gap before that slot; not the
// same for all keys.
func Random(r storage.Reader, db uint8, seed uint64) (key []byte, ok bool, err error) {
	at := layout.Position(seed) % layout.EndPosition
	slot, _ := SlotRange(uint16(at >> hashBits))
	_, found, ok, err := firstOf(r, db, slot, layout.EndPosition, 0)
	if err != nil || !ok {
		return nil, false, err
	}
	from, to := SlotRange(uint16(found >> hashBits))
	key, _, ok, err = firstOf(r, db, from+(at-slot), to, from)
	return key, ok, err
}

// firstOf returns the first live key in [from, to), and where there is none, the first in [wrap, from).
func firstOf(r storage.Reader, db uint8, from, to, wrap layout.Position) (key []byte, at layout.Position, ok bool, err error) {
	take := func(p layout.Position, k []byte, _ layout.Row) (bool, error) {
		key, at, ok = bytes.Clone(k), p, true
		return false, nil
	}
	if err = WalkRange(r, db, from, to, take); err == nil && !ok {
		err = WalkRange(r, db, wrap, from, take)
	}
	return key, at, ok, err
}
