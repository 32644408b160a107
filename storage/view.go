package storage

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"cairn/storage/layout"
)

// View is the keyspace at one applied index. It is for one goroutine, and short: it keeps deleted data from being reclaimed.
type View struct {
	e       *engine
	frozen  *frozen
	now     int64
	doubted bool
}

// View returns the newest committed state, read at time now, Unix milliseconds; a time before the newest entry's counts as
// that. The caller closes it, once.
func (s *Store) View(now int64) (*View, error) {
	e, err := s.retain()
	if err != nil {
		return nil, err
	}
	f := e.hold()
	return &View{e: e, frozen: f, now: max(now, f.state.Time)}, nil
}

// Close releases the view.
func (v *View) Close() error {
	defer v.e.users.Done()
	return v.e.release(v.frozen)
}

// State returns the state the view shows.
func (v *View) State() layout.State { return v.frozen.state }

// Time returns the time the view is read at, Unix milliseconds.
func (v *View) Time() int64 { return v.now }

// Get implements Reader.
func (v *View) Get(key []byte) ([]byte, error) {
	return v.e.row(v.frozen.snap, key, v.frozen.seq)
}

// Scan implements Reader.
func (v *View) Scan(lo, hi []byte, fn func(k, v []byte) (bool, error)) error {
	return scan(v.frozen.snap, lo, hi, func(it *pebble.Iterator) error {
		for ok := it.First(); ok; ok = it.Next() {
			if more, err := row(v.frozen.snap, it, fn); err != nil || !more {
				return err
			}
		}
		return nil
	})
}

// Database implements Reader.
func (v *View) Database(db uint8) layout.Database { return v.frozen.state.Databases[db] }

// Expired implements Reader by the time of the view.
func (v *View) Expired(expireAt int64) bool {
	if expireAt == 0 || expireAt > v.now {
		return false
	}
	if expireAt > v.frozen.state.Time {
		v.doubted = true
	}
	return true
}

// Doubted reports whether Expired called a key gone by the clock alone, while no log entry has reached that time yet. What
// was read then is this node's opinion: another node's clock, or the next leader's, may disagree.
func (v *View) Doubted() bool { return v.doubted }

// scan calls walk with an iterator over [lo, hi) and returns walk's error, or the iterator's.
func scan(r pebble.Reader, lo, hi []byte, walk func(*pebble.Iterator) error) (err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lo, UpperBound: hi})
	if err != nil {
		return fmt.Errorf("storage: scan: %w", err)
	}
	defer func() {
		// Close repeats the error that ended the iteration early.
		if e := it.Close(); e != nil && err == nil {
			err = fmt.Errorf("storage: scan: %w", corrupt(e))
		}
	}()
	return walk(it)
}

// row calls fn with the row under it, an iterator of r.
func row(r pebble.Reader, it *pebble.Iterator, fn func(k, v []byte) (bool, error)) (more bool, err error) {
	v, err := it.ValueAndErr()
	if err != nil {
		return false, fmt.Errorf("storage: scan: %w", corrupt(err))
	}
	if v, err = joinParts(r, it.Key(), v); err != nil {
		return false, err
	}
	return fn(it.Key(), v)
}
