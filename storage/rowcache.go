package storage

import (
	"fmt"
)

// rowCache keeps key rows that were lately written or read, so that most look-ups cost two cache misses in the place of a walk
// through Pebble's memtables. It stands behind the buffers: what they hold is newer. It answers for exact states: the engine numbers
// the states it publishes, a row carries the number since which it is the newest, and a view older than that asks Pebble.
//
// Rows lie outside of Go's heap: the collector neither looks at them nor lets as much memory wait beside them.
type rowCache struct {
	shards [rowShards]rowRing
	memory offHeap
}

const (
	cacheMaxValue = 16 << 10 // larger values are not kept
	maxRowCache   = 1 << 40  // bytes of a cache; a slot counts to twice that
)

// newRowCache makes a cache of sizeBytes at most; its slots come to that, 11 to 21 bytes for a row. Memory is taken as it is filled. The
// caller closes the cache.
func newRowCache(sizeBytes int64) (*rowCache, error) {
	each := int(sizeBytes/rowShards) / markBytes * markBytes
	memory, err := newOffHeap(each * rowShards)
	if err != nil {
		return nil, fmt.Errorf("no memory for a row cache of %d bytes, make it smaller: %w", sizeBytes, err)
	}
	c := &rowCache{memory: memory}
	for i := range c.shards {
		c.shards[i].use(memory[i*each : (i+1)*each : (i+1)*each])
	}
	return c, nil
}

// close gives the memory back. Nobody uses the cache any more.
func (c *rowCache) close() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.forget(0)
		s.use(nil)
		s.taken = 0
		s.mu.Unlock()
	}
	c.memory.free()
}

func (c *rowCache) shard(hash uint64) *rowRing { return &c.shards[hash%rowShards] }

// get returns a copy of the row of pkey in state seq, in room; known is false when only Pebble can say.
func (c *rowCache) get(hash uint64, pkey []byte, seq uint64, to *room) (value []byte, known bool) {
	s := c.shard(hash)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.get(hash, pkey, seq, to)
}

// touch brings near what the cache may have of places, and returns those of which it has nothing, in the same slice.
func (c *rowCache) touch(places []*Place) (missing []*Place) {
	shards := uint64(0)
	for _, p := range places {
		shards |= 1 << (p.hash % rowShards)
	}
	for i := range c.shards {
		if shards>>i&1 != 0 {
			c.shards[i].mu.RLock()
		}
	}
	sum := uint32(0)
	for _, p := range places {
		if s := c.shard(p.hash).slots.first(p.hash); s != nil {
			sum += s.at
		}
	}
	want(int(sum))
	missing = places[:0]
	near := make([]spot, 0, maxExpected)
	for _, p := range places {
		s := c.shard(p.hash)
		if at, ok := s.candidate(p.hash); ok {
			near = append(near, spot{s, at})
		} else {
			missing = append(missing, p)
		}
	}
	touchSpots(near)
	for i := range c.shards {
		if shards>>i&1 != 0 {
			c.shards[i].mu.RUnlock()
		}
	}
	return missing
}

// putAll notes what the rows of a sealed buffer are in state seq, and that they became that since the state that Pebble showed before.
// It is called before the first view reads Pebble in that state. Rows of one shard there are of one here.
func (c *rowCache) putAll(b *buffer, seq uint64) {
	for i := range b.shards {
		t := &b.shards[i].rows
		for from := 0; from < len(t.slots); from += putSlots {
			c.shards[i].putSome(t, t.slots[from:min(from+putSlots, len(t.slots))], seq)
		}
	}
}

// fill notes what a reader of state seq found in Pebble, unless a newer row is or may have been here. The cache keeps neither pkey nor
// value.
func (c *rowCache) fill(hash uint64, pkey, value []byte, seq uint64) {
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fill(hash, pkey, value, seq)
}

// forget drops everything: ranges were deleted in state seq. The memory stays, for what comes: to give it back would take the one goroutine
// that applies entries longer than the rest of a FLUSHALL.
func (c *rowCache) forget(seq uint64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.forget(seq)
		s.mu.Unlock()
	}
}

// used returns how many bytes of memory the cache has written to.
func (c *rowCache) used() (n int64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += int64(s.taken)
		s.mu.RUnlock()
	}
	return n
}
