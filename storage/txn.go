package storage

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"cairn/storage/layout"
)

// Reader reads one consistent state of the keyspace; *Txn and *View implement it.
type Reader interface {
	// Get returns the value of a Pebble key, nil when it is absent. The caller owns the bytes but must not change them.
	Get(key []byte) ([]byte, error)
	// Scan calls fn for the rows in [lo, hi) in order, until fn says that it wants no more. k and v are valid during the call.
	Scan(lo, hi []byte, fn func(k, v []byte) (more bool, err error)) error
	// Database returns where database db is and how many keys it has. db is below layout.Databases.
	Database(db uint8) layout.Database
	// Expired reports whether a key with this expiry (Unix milliseconds, 0 is never) is gone for this reader.
	Expired(expireAt int64) bool
}

// Applied names the log entry that a commit brings the store to.
type Applied struct{ Index, Term uint64 }

// Txn collects the writes of one or more log entries and commits them with the applied index. It reads its own writes: they
// are in an overlay, which becomes a batch in the order of its keys: that is the order in which Pebble takes them fastest.
type Txn struct {
	e     *engine // nil once the transaction has ended
	base  uint64  // the number of the state it is on top of
	state layout.State
	own   *overlay
	long  map[string]int // the lengths of the long rows it has read: who replaces a row has read it
}

// Begin starts a transaction. There is one writer: the caller commits or discards it before it begins the next.
func (s *Store) Begin() (*Txn, error) {
	e, err := s.retain()
	if err != nil {
		return nil, err
	}
	state, seq := e.published()
	return &Txn{e: e, base: seq, state: state, own: e.takeOverlay()}, nil
}

// SetTime says that what follows happens at now, Unix milliseconds. A time before an earlier one counts as that one.
func (t *Txn) SetTime(now int64) { t.state.Time = max(t.state.Time, now) }

// Time returns the time the transaction has reached, Unix milliseconds.
func (t *Txn) Time() int64 { return t.state.Time }

// Cluster returns the cluster's id as of this transaction, empty when none was agreed.
func (t *Txn) Cluster() string { return t.state.Cluster }

// SetCluster sets the cluster's id.
func (t *Txn) SetCluster(id string) { t.state.Cluster = id }

// Size returns about how many bytes the transaction would write.
func (t *Txn) Size() int { return t.own.sizeBytes }

// Database implements Reader.
func (t *Txn) Database(db uint8) layout.Database { return t.state.Databases[db] }

// AddKeys changes the counts of a database: its keys, and those of them that have a time to live.
func (t *Txn) AddKeys(db uint8, keys, expires int) {
	d := &t.state.Databases[db]
	d.Keys = uint64(int64(d.Keys) + int64(keys))
	d.Expires = uint64(int64(d.Expires) + int64(expires))
}

// SwapDatabases exchanges the contents of two databases.
func (t *Txn) SwapDatabases(a, b uint8) {
	d := &t.state.Databases
	d[a], d[b] = d[b], d[a]
}

// Expired implements Reader: inside the log, time is what the entries say.
func (t *Txn) Expired(expireAt int64) bool { return expireAt != 0 && expireAt <= t.state.Time }

// Set writes value under a Pebble key. The transaction keeps value; the caller must not change it. Who replaces a key row has
// read it in this transaction.
func (t *Txn) Set(key, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	t.own.set(key, value)
	return nil
}

// Delete removes a Pebble key; a key row was read in this transaction.
func (t *Txn) Delete(key []byte) error {
	t.own.set(key, nil)
	return nil
}

// DeleteRange removes every Pebble key in [lo, hi).
func (t *Txn) DeleteRange(lo, hi []byte) error {
	t.own.deleteRange(lo, hi)
	return nil
}

// Get implements Reader.
func (t *Txn) Get(key []byte) ([]byte, error) {
	if v, known := t.own.get(key); known {
		return v, nil
	}
	v, err := t.e.row(t.e.db, key, t.base)
	if len(v) >= longRow {
		if t.long == nil {
			t.long = make(map[string]int)
		}
		t.long[string(key)] = len(v)
	}
	return v, err
}

// Scan implements Reader: the store's rows and the transaction's own, merged. fn must not write to the transaction.
func (t *Txn) Scan(lo, hi []byte, fn func(k, v []byte) (bool, error)) error {
	own := t.own.between(lo, hi)
	return scan(t.e.db, lo, hi, func(it *pebble.Iterator) error {
		for stored := it.First(); stored || len(own) > 0; {
			more, err := true, error(nil)
			if len(own) > 0 && (!stored || own[0] <= string(it.Key())) {
				k := []byte(own[0])
				own = own[1:]
				if stored && bytes.Equal(k, it.Key()) {
					stored = it.Next()
				}
				if v := t.own.values[string(k)]; v != nil {
					more, err = fn(k, v)
				}
			} else if end, deleted := t.own.deleted(it.Key()); deleted {
				stored = it.SeekGE(end)
			} else {
				more, err = row(t.e.db, it, fn)
				stored = more && it.Next()
			}
			if err != nil || !more {
				return err
			}
		}
		return nil
	})
}

// Commit writes the transaction and the applied index in one batch, unsynced, and ends it. The index never goes back.
func (t *Txn) Commit(a Applied) error {
	defer t.Discard()
	if a.Index < t.state.Index {
		return fmt.Errorf("storage: commit index %d after %d", a.Index, t.state.Index)
	}
	t.state.Index, t.state.Term = a.Index, a.Term
	batch, err := t.batch()
	if err != nil {
		return fmt.Errorf("storage: commit index %d: %w", a.Index, err)
	}
	defer batch.Close()
	if err := batch.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("storage: commit index %d: %w", a.Index, err)
	}
	t.e.rows.put(t.own, t.base+1)
	t.e.publish(t.state)
	return nil
}

// batch returns what is to be written: deleted ranges first, for what is in them is newer.
func (t *Txn) batch() (*pebble.Batch, error) {
	b := t.e.db.NewBatchWithSize(t.own.sizeBytes + t.own.sizeBytes>>10 + stateBytes)
	var err error
	for _, r := range t.own.ranges {
		err = errors.Join(err, b.DeleteRange(r.lo, r.hi, nil))
		if parts, ok := partsRange(r); ok {
			err = errors.Join(err, b.DeleteRange(parts.lo, parts.hi, nil))
		}
	}
	for _, k := range t.own.ordered() {
		err = errors.Join(err, setRow(b, k, t.own.values[k], t.long[k]))
	}
	err = errors.Join(err, b.Set([]byte(layout.StateRow), layout.AppendState(nil, t.state), nil))
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// stateBytes is about what the state row takes in a batch.
const stateBytes = 1 << 10

// Discard ends the transaction without a trace. After Commit it does nothing.
func (t *Txn) Discard() {
	if t.e == nil {
		return
	}
	t.e.giveOverlay(t.own)
	t.e.users.Done()
	t.e, t.own = nil, nil
}
