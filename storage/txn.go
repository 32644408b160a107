package storage

import (
	"bytes"
	"fmt"
	"slices"
	"sort"

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

// Txn collects the writes of one or more log entries and commits them with the applied index. It reads its own writes.
// It is a plain batch with an overlay: an indexed batch would cost every write a skip list.
type Txn struct {
	s      *Store
	e      *engine
	batch  *pebble.Batch
	state  layout.State
	writes map[string][]byte // newest value by Pebble key; nil is deleted
	ranges []keyRange        // deleted ranges; what is in writes is newer
}

type keyRange struct{ lo, hi []byte }

// Begin starts a transaction. There is one writer: the caller commits or discards it before it begins the next.
func (s *Store) Begin() (*Txn, error) {
	e, err := s.retain()
	if err != nil {
		return nil, err
	}
	return &Txn{s: s, e: e, batch: e.db.NewBatch(), state: s.State(), writes: make(map[string][]byte)}, nil
}

// SetTime says that what follows happens at now, Unix milliseconds. A time before an earlier one counts as that one.
func (t *Txn) SetTime(now int64) { t.state.Time = max(t.state.Time, now) }

// Time returns the time the transaction has reached, Unix milliseconds.
func (t *Txn) Time() int64 { return t.state.Time }

// Cluster returns the cluster's id as of this transaction, empty when none was agreed.
func (t *Txn) Cluster() string { return t.state.Cluster }

// SetCluster sets the cluster's id.
func (t *Txn) SetCluster(id string) { t.state.Cluster = id }

// Size returns how many bytes the transaction would write.
func (t *Txn) Size() int { return t.batch.Len() }

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

// Set writes value under a Pebble key. The transaction keeps both slices; the caller must not change them.
func (t *Txn) Set(key, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	t.writes[string(key)] = value
	return t.batch.Set(key, value, nil)
}

// Delete removes a Pebble key.
func (t *Txn) Delete(key []byte) error {
	t.writes[string(key)] = nil
	return t.batch.Delete(key, nil)
}

// DeleteRange removes every Pebble key in [lo, hi).
func (t *Txn) DeleteRange(lo, hi []byte) error {
	for k := range t.writes { //lint:sorted only deletes; the order cannot be seen
		if k >= string(lo) && k < string(hi) {
			delete(t.writes, k)
		}
	}
	t.ranges = append(t.ranges, keyRange{bytes.Clone(lo), bytes.Clone(hi)})
	return t.batch.DeleteRange(lo, hi, nil)
}

// Get implements Reader.
func (t *Txn) Get(key []byte) ([]byte, error) {
	if v, ok := t.writes[string(key)]; ok {
		return v, nil
	}
	if t.deleted(key) {
		return nil, nil
	}
	return get(t.e.db, key)
}

func (t *Txn) deleted(key []byte) bool {
	return slices.ContainsFunc(t.ranges, func(r keyRange) bool {
		return bytes.Compare(key, r.lo) >= 0 && bytes.Compare(key, r.hi) < 0
	})
}

// Scan implements Reader: the store's rows and the transaction's own, merged. fn must not write to the transaction.
func (t *Txn) Scan(lo, hi []byte, fn func(k, v []byte) (bool, error)) error {
	own := t.ownKeys(lo, hi)
	more := true
	// before gives fn the transaction's rows below key, and drops the one that replaces key.
	before := func(key []byte) (replaced bool, err error) {
		for len(own) > 0 && more {
			c := -1
			if key != nil {
				c = bytes.Compare([]byte(own[0]), key)
			}
			if c > 0 {
				break
			}
			k := own[0]
			own = own[1:]
			if v := t.writes[k]; v != nil {
				if more, err = fn([]byte(k), v); err != nil {
					return false, err
				}
			}
			if c == 0 {
				return true, nil
			}
		}
		return false, nil
	}
	err := scan(t.e.db, lo, hi, func(k, v []byte) (bool, error) {
		replaced, err := before(k)
		if err != nil || !more {
			return false, err
		}
		if !replaced && !t.deleted(k) {
			more, err = fn(k, v)
		}
		return more, err
	})
	if err != nil || !more {
		return err
	}
	_, err = before(nil)
	return err
}

func (t *Txn) ownKeys(lo, hi []byte) []string {
	var own []string
	for k := range t.writes { //lint:sorted sorted below
		if k >= string(lo) && k < string(hi) {
			own = append(own, k)
		}
	}
	sort.Strings(own)
	return own
}

// Commit writes the transaction and the applied index in one batch, unsynced, and ends it.
func (t *Txn) Commit(a Applied) error {
	defer t.e.views.Done()
	defer t.batch.Close()
	t.state.Index, t.state.Term = a.Index, a.Term
	if err := t.batch.Set([]byte(layout.StateRow), layout.AppendState(nil, t.state), nil); err != nil {
		return fmt.Errorf("storage: commit index %d: %w", a.Index, err)
	}
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if err := t.batch.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("storage: commit index %d: %w", a.Index, err)
	}
	t.s.mu.state = t.state
	return nil
}

// Discard ends the transaction without a trace.
func (t *Txn) Discard() {
	_ = t.batch.Close() // nothing was written
	t.e.views.Done()
}

func scan(r pebble.Reader, lo, hi []byte, fn func(k, v []byte) (bool, error)) (err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lo, UpperBound: hi})
	if err != nil {
		return fmt.Errorf("storage: scan: %w", err)
	}
	defer func() {
		if e := it.Close(); e != nil && err == nil {
			err = fmt.Errorf("storage: scan: %w", e)
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("storage: scan: %w", err)
		}
		if more, err := fn(it.Key(), v); err != nil || !more {
			return err
		}
	}
	return nil
}
