package storage

import (
	"cairn/storage/arena"
	"cairn/storage/layout"
)

// View is the keyspace at one applied index. It is for one goroutine, and short: it keeps deleted data from being
// reclaimed.
type View struct {
	e       *engine
	state   *readState
	now     int64
	doubted bool
	lookups Lookups
	key     [keyBuffer]byte // see KeyBuffer
	arena   arena.Arena     // for rows that it has read in the cache
}

// View returns the newest committed state, read at time now, Unix milliseconds; a time before the newest entry's
// counts as that. The caller closes it, once.
func (s *Store) View(now int64) (*View, error) {
	e, err := s.retain()
	if err != nil {
		return nil, err
	}
	f, _ := e.acquire()
	return &View{e: e, state: f, now: max(now, f.state.Time)}, nil
}

// Close releases the view.
func (v *View) Close() error {
	v.e.release(v.state)
	v.e.users.Done()
	return nil
}

// State returns the state the view shows.
func (v *View) State() layout.State { return v.state.state }

// Time returns the time the view is read at, Unix milliseconds.
func (v *View) Time() int64 { return v.now }

// KeyBuffer implements Reader.
func (v *View) KeyBuffer() []byte { return v.key[:0] }

// Get implements Reader.
func (v *View) Get(key []byte) ([]byte, error) {
	return v.e.row(v.state, key, &v.arena)
}

// Scan implements Reader.
func (v *View) Scan(lo, hi []byte, fn func(k, v []byte) (bool, error)) error {
	return v.state.scan(lo, hi, fn)
}

// Database implements Reader.
func (v *View) Database(db uint8) layout.Database { return v.state.state.Databases[db] }

// Expired implements Reader by the time of the view.
func (v *View) Expired(expireAt int64) bool {
	if expireAt == 0 || expireAt > v.now {
		return false
	}
	if expireAt > v.state.state.Time {
		v.doubted = true
	}
	return true
}

// Doubted reports whether Expired called a key gone by the clock alone, while no log entry has reached that time yet.
// What was read then is this node's opinion: another node's clock, or the next leader's, may disagree.
func (v *View) Doubted() bool { return v.doubted }

// Lookups counts keys that were looked up, INFO's keyspace_hits and keyspace_misses.
type Lookups struct{ Hits, Misses uint64 }

// NoteLookup notes that a key was looked up for a client, and whether it is there.
func (v *View) NoteLookup(found bool) {
	if found {
		v.lookups.Hits++
	} else {
		v.lookups.Misses++
	}
}

// Lookups returns what NoteLookup has noted.
func (v *View) Lookups() Lookups { return v.lookups }
