package replica

import (
	"math/rand/v2"

	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/fsm/entry"
)

// Raft carries an entry whole: in one append, within one time-out, several times in memory. So an entry that is
// larger than maxEntryBytes travels as fragments, each a log entry of its own, between the entries of others; it
// takes effect with the last one. One large entry is on its way at a time.
const (
	// fragmentBytes is the size of a log entry that is a fragment: hashicorp's msgpack receives up to 256 KiB in one
	// piece, and copies longer strings again for each piece.
	fragmentBytes     = 256 << 10
	fragmentsInFlight = 8
)

// isLarge reports whether a proposal is for proposeLarge.
func (p *proposal) isLarge() bool { return p.bytes > maxEntryBytes }

// proposeLarge proposes large entries, one after the other.
func (r *proposer) proposeLarge() {
	for p := range r.large {
		replies, err := r.applyFragments(p)
		p.done <- outcome{replies, err}
	}
}

// applyFragments proposes an entry in fragments. Until the last of them is proposed, nothing can come of it.
func (r *proposer) applyFragments(p *proposal) (fsm.Results, error) {
	segments, size := entry.Segments(entry.Entry{Time: r.clock.now(), Seed: rand.Uint64(), Groups: p.groups})
	f := entry.Fragment{ID: rand.Uint64()}
	var flying []raft.ApplyFuture
	for ; ; f.N++ {
		for len(flying) > 0 && len(flying) >= fragmentsInFlight {
			if flying[0].Error() != nil {
				return nil, ErrNotLeader
			}
			flying = flying[1:]
		}
		if r.ctx.Err() != nil {
			return nil, ErrClosed
		}
		data := nextFragment(&segments, &size, f)
		r.entries.Add(1)
		if size == 0 {
			r.awaited.Add(1)
			defer r.awaited.Add(-1)
			return lastFragment(p, r.raft.Apply(data, 0))
		}
		flying = append(flying, r.raft.Apply(data, 0))
	}
}

// nextFragment takes the next bytes of an entry, of which left are left.
func nextFragment(segments *[][]byte, left *int, f entry.Fragment) []byte {
	n := min(*left, fragmentBytes-entry.MaxFragmentOverhead)
	*left -= n
	f.Last = *left == 0
	data := entry.AppendFragment(make([]byte, 0, n+entry.MaxFragmentOverhead), f)
	for s := *segments; n > 0; {
		k := min(n, len(s[0]))
		data = append(data, s[0][:k]...)
		if s[0], n = s[0][k:], n-k; len(s[0]) == 0 {
			s = s[1:]
			*segments = s
		}
	}
	return data
}

// lastFragment says what became of an entry whose last fragment has been proposed. When fragments before it were
// lost, with a leadership that was lost and won again, it ran nothing.
func lastFragment(p *proposal, future raft.ApplyFuture) (fsm.Results, error) {
	if err := future.Error(); err != nil {
		return nil, writeError(err)
	}
	results, _ := future.Response().(fsm.Results)
	if len(results) != p.calls {
		return nil, ErrNotLeader
	}
	return results, nil
}
