package storage

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// rowCache keeps key rows that were lately written or read, so that most look-ups cost two cache misses in the place of a walk
// through Pebble's memtables. It stands behind the buffers: what they hold is newer. It answers for exact states: the engine numbers
// the states it publishes, a row carries the number since which it is the newest, and a view older than that asks Pebble.
//
// Rows lie outside of Go's heap: the collector neither looks at them nor lets as much memory wait beside them.
type rowCache struct {
	shards [rowShards]rowRing
	memory *offHeap
}

const cacheMaxValue = 16 << 10 // larger values are not kept

// newRowCache makes a cache of sizeBytes at most; its slots come to that, an eighth or so. Memory is taken as it is filled. The caller
// closes the cache.
func newRowCache(sizeBytes int64) (*rowCache, error) {
	each := int(sizeBytes/rowShards) / os.Getpagesize() * os.Getpagesize()
	memory, err := newOffHeap(each * rowShards)
	if err != nil {
		return nil, fmt.Errorf("storage: %d bytes for a cache of rows: %w", sizeBytes, err)
	}
	c := &rowCache{memory: memory}
	for i := range c.shards {
		c.shards[i].use(memory.bytes[i*each : (i+1)*each : (i+1)*each])
	}
	runtime.AddCleanup(c, (*offHeap).free, memory) // of a store that is left as a crash leaves it
	return c, nil
}

// close gives the memory back. Nobody uses the cache any more.
func (c *rowCache) close() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.forget(0)
		s.use(nil)
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
	records := make([]record, 0, maxExpected)
	for _, p := range places {
		s := c.shard(p.hash)
		if at, ok := s.candidate(p.hash); ok {
			records = append(records, record{s, at})
		} else {
			missing = append(missing, p)
		}
	}
	touchRecords(records)
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

// forget drops everything: ranges were deleted in state seq.
func (c *rowCache) forget(seq uint64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		if s.end > 0 {
			c.memory.empty(s.memory)
		}
		s.forget(seq)
		s.mu.Unlock()
	}
}

// used returns how many bytes of memory the cache has written to.
func (c *rowCache) used() (n int64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += int64(min(s.end, len(s.memory)))
		s.mu.RUnlock()
	}
	return n
}

// offHeap is memory of the process that Go's collector does not know.
type offHeap struct {
	once  sync.Once
	bytes []byte
}

func newOffHeap(n int) (*offHeap, error) {
	if n == 0 {
		return &offHeap{}, nil
	}
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	return &offHeap{bytes: b}, err
}

// empty gives back what was written to a part of it, which can be written to again. The part is of whole pages.
func (m *offHeap) empty(part []byte) {
	_ = unix.Madvise(part, unix.MADV_DONTNEED) // at worst it stays
}

// free gives it back, once. To read or write it from then on ends the process.
func (m *offHeap) free() {
	m.once.Do(func() {
		if m.bytes != nil {
			_ = unix.Munmap(m.bytes) // of what Mmap gave it never fails
		}
	})
}
