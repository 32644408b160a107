package storage

import (
	"github.com/cockroachdb/pebble/v2"

	"cairn/storage/layout"
)

// View is the keyspace at one applied index. It is for one goroutine, and short: it keeps deleted data from being reclaimed.
type View struct {
	e       *engine
	snap    *pebble.Snapshot
	state   layout.State
	now     int64
	doubted bool
}

// View returns the newest committed state, read at time now, Unix milliseconds; a time before the newest entry's counts as
// that. The caller closes it.
func (s *Store) View(now int64) (*View, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.mu.closed {
		return nil, ErrClosed
	}
	e := s.mu.engine
	e.views.Add(1)
	return &View{e: e, snap: e.db.NewSnapshot(), state: s.mu.state, now: max(now, s.mu.state.Time)}, nil
}

// Close releases the view.
func (v *View) Close() error {
	defer v.e.views.Done()
	return v.snap.Close()
}

// State returns the state the view shows.
func (v *View) State() layout.State { return v.state }

// Time returns the time the view is read at, Unix milliseconds.
func (v *View) Time() int64 { return v.now }

// Get implements Reader.
func (v *View) Get(key []byte) ([]byte, error) { return get(v.snap, key) }

// Scan implements Reader.
func (v *View) Scan(lo, hi []byte, fn func(k, v []byte) (bool, error)) error {
	return scan(v.snap, lo, hi, fn)
}

// Database implements Reader.
func (v *View) Database(db uint8) layout.Database { return v.state.Databases[db] }

// Expired implements Reader by the time of the view.
func (v *View) Expired(expireAt int64) bool {
	if expireAt == 0 || expireAt > v.now {
		return false
	}
	if expireAt > v.state.Time {
		v.doubted = true
	}
	return true
}

// Doubted reports whether Expired called a key gone by the clock alone, while no log entry has reached that time yet. What
// was read then is this node's opinion: another node's clock, or the next leader's, may disagree.
func (v *View) Doubted() bool { return v.doubted }
