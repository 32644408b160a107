package storage

import (
	"math"
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
	asked   int64        // rows that Pebble was asked for since the buffer was begun; the writer's
}

type bufferShard struct {
	mu   sync.Mutex // held for moments: to let several readers in would cost each of them, and the writer, more
	rows rowTable   // the writer changes it under the lock, and reads it without
}

func newBuffer() *buffer {
	b := &buffer{}
	b.index.shards = &b.shards
	return b
}

func (b *buffer) shard(hash uint64) *bufferShard { return &b.shards[hash%rowShards] }

// get returns the row of pkey in state seq; known is false when the buffer says nothing of it.
func (b *buffer) get(hash uint64, pkey []byte, seq uint64) (value []byte, known bool) {
	if b.size.Load() == 0 {
		return nil, false
	}
	s := b.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows.find(hash, pkey).in(seq)
}

// in returns what the row is in state seq; known is false when that is older than all its versions, or when there is no row.
func (r *row) in(seq uint64) (value []byte, known bool) {
	if r == nil {
		return nil, false
	}
	for v := &r.version; v != nil; v = v.older {
		if v.seq <= seq {
			return v.value, true
		}
	}
	return nil, false
}

// find returns the row of pkey for the writer, nil when the buffer says nothing of it.
func (b *buffer) find(hash uint64, pkey []byte) *row { return b.shard(hash).rows.find(hash, pkey) }

// set makes value what the row of pkey is from state seq on, which is not published. No view of a state before oldest is open. pkey and
// value are the buffer's from now on, and one allocation. r is the row, where find has returned it; so does set.
func (b *buffer) set(hash uint64, r *row, pkey, value []byte, seq, oldest uint64) *row {
	b.written += int64(len(pkey) + len(value) + rowOverhead)
	if r == nil {
		r = b.find(hash, pkey)
	}
	s := b.shard(hash)
	s.mu.Lock()
	if r != nil {
		grown := len(value) - len(r.value)
		r.replace(value, seq, oldest)
		r.key = pkey // the same; the one before would keep its block
		s.mu.Unlock()
		if grown != 0 {
			b.size.Add(int64(grown))
		}
		return r
	}
	r = s.rows.add(hash)
	r.key, r.value, r.seq = pkey, value, seq
	s.mu.Unlock()
	b.size.Add(int64(len(pkey) + len(value) + rowOverhead))
	b.index.add(pkey[0], freshRow{r, s})
	return r
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
		s.rows.all(func(r *row) {
			switch {
			case r.seq != seq:
			case r.older == nil:
				r.seq = undone
			default:
				r.version = *r.older
			}
		})
		s.mu.Unlock()
	}
}
