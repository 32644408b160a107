package fsm

import (
	"errors"
	"fmt"

	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/layout"
)

// maxQueryBytes is how many bytes of replies one Query collects before it answers with what it has.
const maxQueryBytes = 1 << 20

// Answer is what Query found.
type Answer struct {
	// Replies has one reply a call, or fewer, but at least one, when they have grown large: the rest is to be asked
	// again. The last one may be a reply.Long, which List gives.
	Replies []reply.Reply
	// Doubted says that a key was taken for expired by the clock alone; see storage.View.Doubted.
	Doubted bool
	// Lookups is what the calls looked up.
	Lookups storage.Lookups
}

// Query answers read calls on one view of the newest state, at time now (Unix milliseconds) with a random seed.
func (m *Machine) Query(now int64, seed uint64, calls []entry.Call) (a Answer, err error) {
	v, err := m.store.View(now)
	if err != nil {
		return Answer{}, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	size := 0
	for i, c := range calls {
		env := command.Env{DB: c.DB, Now: v.Time(), Seed: mix(seed + uint64(i))}
		r, err := m.table.Query(env, v, c.Argv)
		if err != nil {
			return Answer{}, fmt.Errorf("fsm: query: %w", err)
		}
		a.Replies = append(a.Replies, r)
		if size += r.Size(); size >= maxQueryBytes || r.Kind == reply.Long {
			break
		}
	}
	a.Doubted, a.Lookups = v.Doubted(), v.Lookups()
	return a, nil
}

// List answers a call of a command.Listing on one view of the newest state, at time now (Unix milliseconds), by
// handing its elements to a Lister. Where their number is not known it goes through them once to count them and once
// more to hand them on. When a key was taken for expired by the clock alone and sure is false, nothing is handed on,
// and doubted says so. An error of the user wraps a reply.UserError. The view is kept until the Lister returns; where
// another state comes from a leader, which waits for it, the elements end with an error.
func (m *Machine) List(now int64, seed uint64, c entry.Call, sure bool, to reply.Lister) (doubted bool, err error) {
	x, err := m.table.Listing(c.Argv)
	if err != nil {
		return false, fmt.Errorf("fsm: list: %w", err)
	}
	v, err := m.store.View(now)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	found, err := x.Elements(command.Env{DB: c.DB, Now: v.Time(), Seed: mix(seed)}, v, c.Argv)
	n := found.Len
	if err == nil && n < 0 {
		n = 0
		err = found.Each(func(reply.Reply) error { n++; return nil })
	}
	if v.Doubted() && !sure {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("fsm: list: %w", err)
	}
	return false, to(found.Kind, n, func(yield func(reply.Reply) error) error {
		return found.Each(func(e reply.Reply) error {
			if m.restoring.Load() {
				return errRestoring
			}
			return yield(e)
		})
	})
}

var errRestoring = errors.New("fsm: another state takes the place of this one")

// State returns what the store says of itself: applied entry, time, cluster, key counts.
func (m *Machine) State() layout.State { return m.store.State() }

// RowCacheBytes returns what the store's cache of rows takes outside of Go's heap.
func (m *Machine) RowCacheBytes() int64 { return m.store.RowCacheBytes() }

// NextExpiry returns when the next key is due to expire after a time, Unix milliseconds; ok is false when none is.
// Sweeping leaves tombstones in front of the rows that are left; a caller that knows how far it has swept is spared a
// walk over them.
func (m *Machine) NextExpiry(after int64) (at int64, ok bool, err error) {
	v, err := m.store.View(0)
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	_, lo := layout.ExpiryBounds(after)
	err = v.Scan(lo, []byte{layout.TagExpiry + 1}, func(k, _ []byte) (bool, error) {
		var err error
		at, _, _, err = layout.ParseExpiry(k)
		ok = err == nil
		return false, err
	})
	return at, ok, err
}
