// Package rowcache keeps rows that were lately written or read, so that most look-ups cost two cache misses of the
// processor in the place of a walk through Pebble. It stands behind the memtables: what they hold is newer.
package rowcache

import (
	"fmt"

	"cairn/storage/arena"
	"cairn/storage/hashtable"
	"cairn/storage/memtable"
)

// Cache is a row cache. It answers for exact states: the engine numbers the states that it publishes, a row carries the
// number of the one since which it is the newest, and who reads a state older than that asks Pebble. Any number of
// goroutines use it at a time.
//
// Rows lie outside of Go's heap, as records in rings of memory, one for each shard: the collector neither looks at them
// nor lets as much memory wait beside them, a row of 64 bytes takes 120 and a bucket, and a look-up reads the bucket
// and the record. New records come at the end of a ring, and those at the beginning go, but for a second chance: a row
// that was referenced since it came to where it is goes to the end once more. (That is CLOCK, with records that move in
// the place of a hand.) Since a record's memory is used again, a reader gets a copy: to point into the ring would need
// to know when nobody looks any more.
//
// What is hard is never to be wrong. A flush puts the newest version of each row (PutAll) before the first reader sees
// Pebble in that state. Readers put what they have found in Pebble (Fill), and a slow one may have found what is old by
// now: a row that is here is newer, and stays. But the newer one may have been here and gone. So a ring remembers the
// newest state of which it has dropped a row (forgotten), and takes nothing from readers of older ones. Whatever drops
// a row, for room, because it is too long, or because its range was deleted, must raise it.
type Cache struct {
	shards [hashtable.Shards]ring
	memory offHeap
}

const (
	maxValue = 16 << 10 // larger values are not kept

	// MaxBytes is the largest size of a cache: a bucket counts to twice that.
	MaxBytes = 1 << 40
)

// New makes a cache of sizeBytes at most; its buckets come to that, 11 to 21 bytes for a row. Memory is taken as it is
// filled. The caller closes the cache.
func New(sizeBytes int64) (*Cache, error) {
	each := int(sizeBytes/hashtable.Shards) / markBytes * markBytes
	memory, err := newOffHeap(each * hashtable.Shards)
	if err != nil {
		return nil, fmt.Errorf("no memory for a row cache of %d bytes, make it smaller: %w", sizeBytes, err)
	}
	c := &Cache{memory: memory}
	for i := range c.shards {
		c.shards[i].use(memory[i*each : (i+1)*each : (i+1)*each])
	}
	return c, nil
}

// Close gives the memory back. Nobody uses the cache any more.
func (c *Cache) Close() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.dropAll()
		s.forgotten = s.newest
		s.use(nil)
		s.taken = 0
		s.mu.Unlock()
	}
	c.memory.free()
}

func (c *Cache) shard(hash uint64) *ring { return &c.shards[hash%hashtable.Shards] }

// Get returns a copy of the row of pkey in state seq, in to; known is false when only Pebble can say.
func (c *Cache) Get(hash uint64, pkey []byte, seq uint64, to *arena.Arena) (value []byte, known bool) {
	s := c.shard(hash)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.getRow(hash, pkey, seq, to)
}

// Prefetch brings near what the cache may have of some of at most memtable.MaxPrefetch hashes, those whose numbers are
// in of, and returns the numbers of those of which it has nothing, in the same slice.
func (c *Cache) Prefetch(hashes []uint64, of []int) (missing []int) {
	shards := uint64(0)
	for _, i := range of {
		shards |= 1 << (hashes[i] % hashtable.Shards)
	}
	for i := range c.shards {
		if shards>>i&1 != 0 {
			c.shards[i].mu.RLock()
		}
	}
	sum := uint32(0)
	for _, i := range of {
		if s := c.shard(hashes[i]).buckets.First(hashes[i]); s != nil {
			sum += s.At
		}
	}
	hashtable.Touched(int(sum))
	missing = of[:0]
	near := make([]recordRef, 0, memtable.MaxPrefetch)
	for _, i := range of {
		s := c.shard(hashes[i])
		if at, ok := s.candidate(hashes[i]); ok {
			near = append(near, recordRef{s, at})
		} else {
			missing = append(missing, i)
		}
	}
	touchRecords(near)
	for i := range c.shards {
		if shards>>i&1 != 0 {
			c.shards[i].mu.RUnlock()
		}
	}
	return missing
}

// PutAll notes what the rows of a sealed memtable are in state seq, and that they became that since the state that
// Pebble showed before. It is called before the first reader of Pebble in that state. Rows of one shard there are of
// one here.
func (c *Cache) PutAll(t *memtable.Table, seq uint64) {
	for i := range c.shards {
		t.Batches(i, func(rows []memtable.Hashed) { c.shards[i].putSome(t, rows, seq) })
	}
}

// Fill notes what a reader of state seq found in Pebble, unless a newer row is or may have been here. The cache keeps
// neither pkey nor value.
func (c *Cache) Fill(hash uint64, pkey, value []byte, seq uint64) {
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fillRow(hash, pkey, value, seq)
}

// Forget drops the rows that state seq has deleted by ranges, before PutAll puts what is newer. It looks at every row
// of the cache, a shard at a time: a flush can wait for that.
func (c *Cache) Forget(deleted memtable.Deletions, seq uint64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.dropDeleted(deleted, seq)
		s.mu.Unlock()
	}
}

// Rows returns how many rows the cache has.
func (c *Cache) Rows() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += s.n
		s.mu.RUnlock()
	}
	return n
}

// Used returns how many bytes of memory the cache has written to.
func (c *Cache) Used() (n int64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += int64(s.taken)
		s.mu.RUnlock()
	}
	return n
}
