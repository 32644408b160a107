package storage

import (
	"bytes"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"cairn/storage/arena"
	"cairn/storage/hashtable"
	"cairn/storage/layout"
)

// Reader reads one consistent state of the keyspace; *Txn and *View implement it.
type Reader interface {
	// Get returns the value of a Pebble key, nil when it is absent. The caller owns the bytes but must not change them.
	Get(key []byte) ([]byte, error)
	// Scan calls fn for the rows in [lo, hi) in order, until fn says that it wants no more. k and v are valid during
	// the call.
	Scan(lo, hi []byte, fn func(k, v []byte) (more bool, err error)) error
	// Database returns where database db is and how many keys it has. db is below layout.Databases.
	Database(db uint8) layout.Database
	// KeyBuffer returns memory for the Pebble key that Get is called with next. It is empty.
	KeyBuffer() []byte
	// Expired reports whether a key with this expiry (Unix milliseconds, 0 is never) is gone for this reader.
	Expired(expireAt int64) bool
}

// Applied names the log entry that a commit brings the store to.
type Applied struct{ Index, Term uint64 }

// Txn collects the writes of one or more log entries and commits them with the applied index. It reads its own
// writes: they go to the buffer at once, as versions of a state that nobody else sees before it is published.
type Txn struct {
	e     *engine    // nil once the transaction has ended
	on    *readState // the state it is on top of
	seq   uint64     // of the state it becomes; each range that it deletes makes it the next
	state layout.State

	oldest  uint64         // views of earlier states are not open
	long    map[string]int // the lengths of the long rows it has read: who replaces a row has read it
	longest int            // bytes of the longest value it has written
	size    int
	arena   arena.Arena // for rows that it has read in the cache
	kept    bool        // it is committed

	deferred Deferred        // see Defer
	failed   error           // of what was deferred
	key      [keyBuffer]byte // see KeyBuffer
}

// keyBuffer is how long a Pebble key is for which KeyBuffer has room.
const keyBuffer = 64

// recordBytes is what a write costs in a batch beside its key and value, about.
const recordBytes = 12

// Begin starts a transaction. There is one writer: the caller commits or discards it before it begins the next.
func (s *Store) Begin() (*Txn, error) {
	e, err := s.retain()
	if err != nil {
		return nil, err
	}
	if s.o.ReadOnly {
		err = pebble.ErrReadOnly
	} else {
		err = e.beginTxn()
	}
	if err != nil {
		e.users.Done()
		return nil, fmt.Errorf("storage: begin: %w", err)
	}
	e.ahead.clearExpected()
	on, oldest := e.acquire()
	return &Txn{e: e, on: on, seq: on.seq + 1, state: on.state, oldest: oldest}, nil
}

// SetTime says that what follows happens at now, Unix milliseconds. A time before an earlier one counts as that one.
func (t *Txn) SetTime(now int64) {
	t.writeDeferred()
	t.state.Time = max(t.state.Time, now)
}

// Time returns the time the transaction has reached, Unix milliseconds.
func (t *Txn) Time() int64 { return t.state.Time }

// Cluster returns the cluster's id as of this transaction, empty when none was agreed.
func (t *Txn) Cluster() string { return t.state.Cluster }

// SetCluster sets the cluster's id.
func (t *Txn) SetCluster(id string) { t.state.Cluster = id }

// Size returns about how many bytes the transaction would write.
func (t *Txn) Size() int { return t.size }

// Database implements Reader.
func (t *Txn) Database(db uint8) layout.Database {
	t.writeDeferred()
	return t.state.Databases[db]
}

// AddKeys changes the counts of a database: its keys, and those of them that have a time to live.
func (t *Txn) AddKeys(db uint8, keys, expires int) {
	d := &t.state.Databases[db]
	d.Keys = uint64(int64(d.Keys) + int64(keys))
	d.Expires = uint64(int64(d.Expires) + int64(expires))
}

// NewParts returns an id for the parts of a collection, which no other has had.
func (t *Txn) NewParts() uint64 {
	t.state.Parts++
	return t.state.Parts
}

// SwapDatabases exchanges the contents of two databases.
func (t *Txn) SwapDatabases(a, b uint8) {
	t.writeDeferred()
	d := &t.state.Databases
	d[a], d[b] = d[b], d[a]
}

// Expired implements Reader: inside the log, time is what the entries say.
func (t *Txn) Expired(expireAt int64) bool { return expireAt != 0 && expireAt <= t.state.Time }

// Set writes value under a Pebble key. The transaction keeps value when it is long; the caller must not change it.
// Who replaces a row of data (layout.IsData) has read it in this transaction.
func (t *Txn) Set(key, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	if len(value) > 0 && layout.IsData(key) && layout.IsChunked(value) {
		return chunkedRow(key)
	}
	key, value = t.on.bufs[0].Join(key, value)
	t.writeRow(&Locator{pkey: key, hash: hashtable.Hash(key)}, key, value)
	return nil
}

func chunkedRow(pkey []byte) error {
	return fmt.Errorf("storage: row %x: its first byte is 0, which no row's is", pkey)
}

// writeRow puts a row into the buffer. pkey and value are the buffer's from now on.
func (t *Txn) writeRow(p *Locator, pkey, value []byte) {
	t.longest = max(t.longest, len(value))
	t.size += len(pkey) + len(value) + recordBytes
	p.row = t.on.bufs[0].Set(p.hash, p.row, pkey, value, t.seq, t.oldest)
}

// Delete removes a Pebble key; a row of data was read in this transaction.
func (t *Txn) Delete(key []byte) error {
	key, value := t.on.bufs[0].Join(key, nil)
	t.writeRow(&Locator{pkey: key, hash: hashtable.Hash(key)}, key, value)
	return nil
}

// DeleteRange removes every Pebble key in [lo, hi), however many there are.
func (t *Txn) DeleteRange(lo, hi []byte) error {
	if t.writeDeferred(); bytes.Compare(lo, hi) >= 0 {
		return t.failed
	}
	t.on.bufs[0].DeleteRange(lo, hi, t.seq, t.on.seq, t.oldest)
	t.seq++ // what it writes from now on is newer
	t.size += len(lo) + len(hi) + recordBytes
	return t.failed
}

// KeyBuffer implements Reader.
func (t *Txn) KeyBuffer() []byte { return t.key[:0] }

// Get implements Reader.
func (t *Txn) Get(key []byte) ([]byte, error) {
	if t.writeDeferred(); t.failed != nil {
		return nil, t.failed
	}
	hash := hashtable.Hash(key)
	return t.getAt(&Locator{pkey: key, hash: hash, row: t.on.bufs[0].Find(hash, key)})
}

// getAt returns the row of a locator.
func (t *Txn) getAt(p *Locator) (v []byte, err error) {
	if v, known := t.on.bufs[0].At(p.row, p.pkey, t.seq); known {
		return v, nil
	}
	if p.asked {
		return p.below, nil
	}
	v, asked, err := t.e.older(t.on, p.hash, p.pkey, &t.arena)
	if asked {
		t.on.bufs[0].CountAsked(1)
	}
	p.below, p.asked = v, err == nil // for the next who asks with this locator
	if len(v) >= longRow {
		if t.long == nil {
			t.long = make(map[string]int)
		}
		t.long[string(p.pkey)] = len(v)
	}
	return v, err
}

// Scan implements Reader. fn must not write to the transaction.
func (t *Txn) Scan(lo, hi []byte, fn func(k, v []byte) (bool, error)) error {
	if t.writeDeferred(); t.failed != nil {
		return t.failed
	}
	state := readState{base: t.on.base, bufs: t.on.bufs, seq: t.seq}
	return state.scan(lo, hi, fn)
}

// Commit makes the transaction and the applied index the newest state, in one, and ends it. It is on disk after the
// next Sync, or soon. The index never goes back.
func (t *Txn) Commit(a Applied) error {
	defer t.Discard()
	if t.writeDeferred(); t.failed != nil {
		return fmt.Errorf("storage: commit index %d: %w", a.Index, t.failed)
	}
	if a.Index < t.state.Index {
		return fmt.Errorf("storage: commit index %d after %d", a.Index, t.state.Index)
	}
	t.state.Index, t.state.Term = a.Index, a.Term
	commit := t.e.commit
	if t.bulky() {
		commit = t.e.commitThrough
	}
	if err := commit(t); err != nil {
		return fmt.Errorf("storage: commit index %d: %w", a.Index, err)
	}
	t.kept = true
	return nil
}

// maxBuffered is how long a value may be that waits in memory for a flush.
const maxBuffered = 16 << 10

// bulky says that the transaction is nothing for a memtable: long rows cost their bytes wherever they are.
func (t *Txn) bulky() bool {
	return len(t.long) > 0 || t.longest > maxBuffered
}

// Discard ends the transaction without a trace. After Commit it does nothing.
func (t *Txn) Discard() {
	if t.e == nil {
		return
	}
	if !t.kept && t.size > 0 {
		t.on.bufs[0].Undo(t.on.seq + 1)
	}
	t.e.committing.unlock()
	t.e.release(t.on)
	t.e.users.Done()
	t.e, t.on, t.deferred = nil, nil, nil
}
