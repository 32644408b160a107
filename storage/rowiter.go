package storage

import (
	"bytes"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"cairn/storage/hashtable"
	"cairn/storage/memtable"
)

// rowIter walks the rows of a readState in order: Pebble's and those of the buffers.
type rowIter struct {
	state  *readState
	it     *pebble.Iterator
	stored bool                // it is at a row that was not passed yet
	runs   [][]memtable.Sorted // what is in memtables and was not passed yet

	key    []byte // of the row it is at; good until it moves
	value  []byte // that row when it comes from a buffer
	inBase bool   // it comes from Pebble, and it is at it
	absent int    // rows of memtables that it has passed and that are no more
}

// scan calls fn with the rows in [lo, hi) in order, until it wants no more.
func (f *readState) scan(lo, hi []byte, fn func(k, v []byte) (bool, error)) (err error) {
	it, err := f.base.snap.NewIter(&pebble.IterOptions{LowerBound: lo, UpperBound: hi})
	if err != nil {
		return fmt.Errorf("storage: scan: %w", err)
	}
	defer func() {
		// Close repeats the error that ended the iteration early.
		if e := it.Close(); e != nil && err == nil {
			err = fmt.Errorf("storage: scan: %w", corrupt(e))
		}
	}()
	r := &rowIter{state: f, it: it}
	for _, b := range f.bufs {
		if b != nil {
			r.runs = append(r.runs, b.Between(lo, hi)...)
		}
	}
	defer func() {
		if r.absent > mostAbsent {
			notify(f.base.e.full)
		}
	}()
	r.stored = it.First()
	for r.advance() {
		v, err := r.row()
		if err != nil {
			return err
		}
		if more, err := fn(r.key, v); err != nil || !more {
			return err
		}
	}
	return nil
}

// mostAbsent is how many rows a scan passes in vain before it asks for a flush, after which they are one deleted
// range for the next.
const mostAbsent = 4 << 10

// advance moves to the next row; it is false at the end.
func (r *rowIter) advance() bool {
	if r.inBase {
		r.inBase, r.stored = false, r.it.Next()
	}
	for {
		if r.stored {
			if end, deleted := r.state.deleted(r.it.Key()); deleted {
				r.stored = r.it.SeekGE(end)
				continue
			}
		}
		least := r.least()
		if least == nil || r.stored && bytes.Compare(r.it.Key(), least) < 0 {
			r.inBase, r.key = r.stored, r.it.Key()
			return r.stored
		}
		r.skip(least)
		r.key = least
		v, known := r.state.buffered(r.key)
		if !known {
			continue // it was written after this state
		}
		if r.stored && bytes.Equal(r.it.Key(), least) {
			r.stored = r.it.Next()
		}
		if v != nil {
			r.value = v
			return true
		}
		r.absent++
	}
}

// least returns the first key that is left in a buffer, or nothing.
func (r *rowIter) least() []byte {
	if len(r.runs) == 0 {
		return nil
	}
	least := r.runs[0][0]
	for _, rows := range r.runs[1:] {
		if rows[0].Compare(least) < 0 {
			least = rows[0]
		}
	}
	return least.Key
}

// skip leaves the first key of the buffers behind.
func (r *rowIter) skip(k []byte) {
	left := r.runs[:0]
	for _, rows := range r.runs {
		if bytes.Equal(rows[0].Key, k) {
			rows = rows[1:]
		}
		if len(rows) > 0 {
			left = append(left, rows)
		}
	}
	r.runs = left
}

// row returns the row it is at.
func (r *rowIter) row() ([]byte, error) {
	if !r.inBase {
		return r.value, nil
	}
	v, err := r.it.ValueAndErr()
	if err != nil {
		return nil, fmt.Errorf("storage: scan: %w", corrupt(err))
	}
	return joinChunks(r.state.base.snap, r.key, v)
}

// deleted reports whether what Pebble has of pkey was deleted with a range since, and where that range ends.
func (f *readState) deleted(pkey []byte) (end []byte, ok bool) {
	for _, b := range f.bufs {
		if b == nil {
			continue
		}
		if d := b.Deleted(); len(d) > 0 {
			if end, ok = d.Covers(pkey, f.seq); ok {
				break
			}
		}
	}
	return end, ok
}

// buffered returns the row of pkey when it is in a buffer.
func (f *readState) buffered(pkey []byte) (value []byte, known bool) {
	hash := hashtable.Hash(pkey)
	for _, b := range f.bufs {
		if b != nil {
			if value, known = b.Get(hash, pkey, f.seq); known {
				break
			}
		}
	}
	return value, known
}
