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
	index   rowIndex
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
	r := bufferRow{string(pkey), &version{value: value, seq: seq}}
	s.rows[r.key] = r.newest
	s.mu.Unlock()
	b.size.Add(int64(len(pkey) + len(value) + rowOverhead))
	b.index.add(r)
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

// rowIndex puts the rows of a buffer in order, when somebody asks, tag by tag: the sweeper looks at expiries only.
type rowIndex struct {
	mu   sync.Mutex
	tags [256]*rowRuns
}

// bufferRow is a row of a buffer. Its newest version may be undone.
type bufferRow struct {
	key    string
	newest *version
}

func (r bufferRow) compare(s bufferRow) int { return strings.Compare(r.key, s.key) }
func (r bufferRow) compareKey(k string) int { return strings.Compare(r.key, k) }

// rowRuns are the rows of a tag: in runs, each in order and each more than twice as long as the next, and as they came.
type rowRuns struct {
	runs  [][]bufferRow
	fresh []bufferRow
}

func (x *rowIndex) add(row bufferRow) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.tags[row.key[0]]
	if r == nil {
		r = &rowRuns{}
		x.tags[row.key[0]] = r
	}
	r.fresh = append(r.fresh, row)
}

// all returns the rows in order.
func (x *rowIndex) all() (rows []bufferRow) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.tags {
		if r == nil {
			continue
		}
		var ordered []bufferRow
		for _, run := range slices.Backward(r.ordered()) {
			ordered = mergeRows(run, ordered)
		}
		rows = append(rows, ordered...)
	}
	return rows
}

// between returns the rows in [lo, hi) as runs, each in order.
func (x *rowIndex) between(lo, hi string) (runs [][]bufferRow) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for tag, r := range x.tags {
		if r != nil && tag >= int(lo[0]) && tag <= int(hi[0]) {
			for _, rows := range r.ordered() {
				i, _ := slices.BinarySearchFunc(rows, lo, bufferRow.compareKey)
				j, _ := slices.BinarySearchFunc(rows, hi, bufferRow.compareKey)
				if i < j {
					runs = append(runs, rows[i:j])
				}
			}
		}
	}
	return runs
}

// ordered makes a run of the fresh rows. Each row is merged a few times at most: a run is joined to one of about its length.
func (r *rowRuns) ordered() [][]bufferRow {
	if len(r.fresh) > 0 {
		slices.SortFunc(r.fresh, bufferRow.compare)
		r.runs, r.fresh = append(r.runs, r.fresh), nil
	}
	for n := len(r.runs); n > 1 && len(r.runs[n-2]) <= 2*len(r.runs[n-1]); n-- {
		r.runs = append(r.runs[:n-2:n-2], mergeRows(r.runs[n-2], r.runs[n-1]))
	}
	return r.runs
}

// mergeRows returns the rows of a and b, which have none in common, in order.
func mergeRows(a, b []bufferRow) []bufferRow {
	if len(a) == 0 || len(b) == 0 {
		return append(a, b...)
	}
	all := make([]bufferRow, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].compare(b[0]) < 0 {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}
