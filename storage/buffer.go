package storage

import (
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// buffer holds the rows of the commits since it was begun: they are not in Pebble yet, see engine.flush. A row that is written
// often goes to Pebble once for all of that, and rows go there in order and many at a time, which is what it takes fastest.
//
// A row keeps the version that the newest state has and those that open views may ask for. The open transaction writes versions
// of the state that it will be. Once the buffer is sealed nothing in it changes.
type buffer struct {
	shards  [rowShards]bufferShard
	keys    keyIndex
	size    atomic.Int64 // bytes of the rows, without older versions
	written int64        // bytes of all that was ever put; the writer's
}

// rowShards is how many locks a table of rows is spread over.
const rowShards = 64

// rowSeed is what rows are spread by.
var rowSeed = maphash.MakeSeed()

func shardOf(pkey []byte) uint64 { return maphash.Bytes(rowSeed, pkey) % rowShards }

type bufferShard struct {
	mu   sync.RWMutex
	rows map[string]*version
}

// version is what a row is from state seq on; a nil value is an absent row. The newest version of a row stays where it is: what it
// was moves to an older one.
type version struct {
	value []byte
	seq   uint64
	older *version
}

func newBuffer() *buffer {
	b := &buffer{}
	for i := range b.shards {
		b.shards[i].rows = make(map[string]*version)
	}
	return b
}

// get returns the row of pkey in state seq; known is false when the buffer says nothing of it.
func (b *buffer) get(pkey []byte, seq uint64) (value []byte, known bool) {
	if b.size.Load() == 0 {
		return nil, false
	}
	s := &b.shards[shardOf(pkey)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	for v := s.rows[string(pkey)]; v != nil; v = v.older {
		if v.seq <= seq {
			return v.value, true
		}
	}
	return nil, false
}

// set makes value what the row of pkey is from state seq on, which is not published. No view of a state before oldest is open.
func (b *buffer) set(pkey, value []byte, seq, oldest uint64) {
	b.written += int64(len(pkey) + len(value) + rowOverhead)
	s := &b.shards[shardOf(pkey)]
	s.mu.Lock()
	v := s.rows[string(pkey)]
	if v != nil {
		b.size.Add(int64(len(value) - len(v.value)))
		v.replace(value, seq, oldest)
		s.mu.Unlock()
		return
	}
	k := string(pkey)
	s.rows[k] = &version{value: value, seq: seq}
	s.mu.Unlock()
	b.size.Add(int64(len(k) + len(value) + rowOverhead))
	b.keys.add(k)
}

func (v *version) replace(value []byte, seq, oldest uint64) {
	switch v.seq {
	case seq:
	case undone:
		v.seq = seq
	default:
		was := v.older
		if v.seq <= oldest && was != nil {
			was.older = nil // nobody asks for it any more
		} else {
			was = &version{older: was}
		}
		was.value, was.seq = v.value, v.seq
		v.seq, v.older = seq, was
	}
	v.value = value
}

// undone is the seq of a row that no state has any more; its key is in the index for ever.
const undone = math.MaxUint64

// undo takes away what was set in state seq, the newest.
func (b *buffer) undo(seq uint64) {
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		for _, v := range s.rows { //lint:sorted the order cannot be seen
			switch {
			case v.seq != seq:
			case v.older == nil:
				v.seq = undone
			default:
				*v = *v.older
			}
		}
		s.mu.Unlock()
	}
}

// each calls fn with the newest version of each row of a sealed buffer, in order.
func (b *buffer) each(keys []string, fn func(pkey string, value []byte) error) error {
	for _, k := range keys {
		if v := b.shards[maphash.String(rowSeed, k)%rowShards].rows[k]; v.seq != undone {
			if err := fn(k, v.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// keyIndex puts the keys of a buffer in order, when somebody asks, tag by tag: the sweeper looks at expiries only.
type keyIndex struct {
	mu   sync.Mutex
	tags [256]*keyRuns
}

// keyRuns are the keys of a tag: in runs, each in order and each more than twice as long as the next, and as they came.
type keyRuns struct {
	runs  [][]string
	fresh []string
}

func (x *keyIndex) add(k string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.tags[k[0]]
	if r == nil {
		r = &keyRuns{}
		x.tags[k[0]] = r
	}
	r.fresh = append(r.fresh, k)
}

// all returns the keys in order.
func (x *keyIndex) all() (keys []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.tags {
		if r == nil {
			continue
		}
		var ordered []string
		for _, run := range slices.Backward(r.ordered()) {
			ordered = mergeKeys(run, ordered)
		}
		keys = append(keys, ordered...)
	}
	return keys
}

// between returns the keys in [lo, hi) as runs, each in order.
func (x *keyIndex) between(lo, hi string) (runs [][]string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for tag, r := range x.tags {
		if r != nil && tag >= int(lo[0]) && tag <= int(hi[0]) {
			for _, keys := range r.ordered() {
				i, _ := slices.BinarySearch(keys, lo)
				j, _ := slices.BinarySearch(keys, hi)
				if i < j {
					runs = append(runs, keys[i:j])
				}
			}
		}
	}
	return runs
}

// ordered makes a run of the fresh keys. Each key is merged a few times at most: a run is joined to one of about its length.
func (r *keyRuns) ordered() [][]string {
	if len(r.fresh) > 0 {
		slices.Sort(r.fresh)
		r.runs, r.fresh = append(r.runs, r.fresh), nil
	}
	for n := len(r.runs); n > 1 && len(r.runs[n-2]) <= 2*len(r.runs[n-1]); n-- {
		r.runs = append(r.runs[:n-2:n-2], mergeKeys(r.runs[n-2], r.runs[n-1]))
	}
	return r.runs
}

// mergeKeys returns the keys of a and b, which have none in common, in order.
func mergeKeys(a, b []string) []string {
	all := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if strings.Compare(a[0], b[0]) < 0 {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}
