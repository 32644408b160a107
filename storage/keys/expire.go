package keys

import (
	"bytes"

	"cairn/storage"
	"cairn/storage/layout"
)

// NextExpiry returns the earliest time at which an expiry row is due, in Unix milliseconds; ok is false when there is
// none.
func NextExpiry(r storage.Reader) (at int64, ok bool, err error) {
	err = r.Scan([]byte{layout.TagExpiry}, []byte{layout.TagExpiry + 1}, func(k, _ []byte) (bool, error) {
		var err error
		at, _, _, err = layout.ParseExpiry(k)
		ok = err == nil
		return false, err
	})
	return at, ok, err
}

// RemoveExpired removes up to limit keys whose time has come by the transaction's time, and reports how many expiry
// rows it took away; fewer than limit says that nothing due is left.
func RemoveExpired(t *storage.Txn, limit int) (int, error) {
	var due [][]byte
	lo, hi := layout.ExpiryBounds(t.Time())
	err := t.Scan(lo, hi, func(k, _ []byte) (bool, error) {
		due = append(due, bytes.Clone(k))
		return len(due) < limit, nil
	})
	if err != nil {
		return 0, err
	}
	for _, pkey := range due {
		if err := removeDue(t, pkey); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

// removeDue removes the key of one expiry row, unless the key is gone or lives longer now (FLUSHDB leaves such rows
// behind).
func removeDue(t *storage.Txn, pkey []byte) error {
	at, keyspace, key, err := layout.ParseExpiry(pkey)
	if err != nil {
		return err
	}
	if err := t.Delete(pkey); err != nil {
		return err
	}
	db, ok := databaseOf(t, keyspace)
	if !ok {
		return nil
	}
	s, err := Open(t, db, key)
	if err != nil || !s.stored || s.expireAt != at {
		return err
	}
	_, err = s.Remove()
	return err
}

func databaseOf(t *storage.Txn, keyspace uint8) (uint8, bool) {
	for db := range uint8(layout.Databases) {
		if t.Database(db).Keyspace == keyspace {
			return db, true
		}
	}
	return 0, false
}
