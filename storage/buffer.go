package storage

import (
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
	room    room         // for blocks; the writer's
	written int64        // bytes of all that was ever put; the writer's
	asked   int64        // rows that Pebble was asked for since the buffer was begun; the writer's
}

type bufferShard struct {
	mu   sync.Mutex // held for moments: to let several readers in would cost each of them, and the writer, more
	rows rowTable   // the writer changes it under the lock, and reads it without
}

const rowOverhead = 96 // bytes of memory that a row costs beside its key and value, about

func newBuffer() *buffer {
	b := &buffer{room: room{piece: maxPiece}}
	b.index.shards = &b.shards
	return b
}

func (b *buffer) shard(hash uint64) *bufferShard { return &b.shards[hash%rowShards] }

// join returns copies of pkey and value in one block; no value is none. A long value is not worth the copy: it stays, and is the
// buffer's from now on.
func (b *buffer) join(pkey, value []byte) (key, row []byte) {
	if len(value) > cacheMaxValue {
		return append(b.room.take(len(pkey)), pkey...), value
	}
	n := len(pkey)
	block := append(append(b.room.take(n+len(value)), pkey...), value...)
	if value == nil {
		return block, nil
	}
	return block[:n:n], block[n:]
}

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

// find returns the row of pkey for the writer, nil when the buffer says nothing of it.
func (b *buffer) find(hash uint64, pkey []byte) *row { return b.shard(hash).rows.find(hash, pkey) }

// set makes value what the row of pkey is from state seq on, which is not published. No view of a state before oldest is open. pkey and
// value are the buffer's from now on, and lie in one block. r is the row, where find has returned it; so does set.
func (b *buffer) set(hash uint64, r *row, pkey, value []byte, seq, oldest uint64) *row {
	b.written += int64(len(pkey) + len(value) + rowOverhead)
	if r == nil {
		r = b.find(hash, pkey)
	}
	s := b.shard(hash)
	s.mu.Lock()
	if r != nil {
		grown := len(value) - int(r.valueLen)
		r.replace(value, seq, oldest)
		r.setKey(pkey) // the same; the one before would keep its block
		s.mu.Unlock()
		if grown != 0 {
			b.size.Add(int64(grown))
		}
		return r
	}
	r = s.rows.add(hash)
	r.fill(pkey, value, seq)
	s.mu.Unlock()
	b.size.Add(int64(len(pkey) + len(value) + rowOverhead))
	b.index.add(pkey[0], freshRow{r, s})
	return r
}

// undo takes away what was set in state seq, the newest.
func (b *buffer) undo(seq uint64) {
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		s.rows.all(func(r *row) {
			if r.seq == seq {
				r.undo()
			}
		})
		s.mu.Unlock()
	}
}
