package storage

import (
	"hash/maphash"
	"sync"

	"cairn/storage/layout"
)

// rowCache keeps key rows that were lately written or read, so that most look-ups cost a map access in the place of a walk
// through Pebble's memtables. It stands behind the buffers: what they hold is newer. It answers for exact states: the engine numbers
// the states it publishes, a row carries the number since which it is the newest, and a view older than that asks Pebble.
//
// What it forgets it forgets by generations: new and found rows go to the young one; when that is full it becomes the old
// one, and the old one is dropped.
type rowCache struct {
	shards [rowShards]rowShard
}

const (
	rowOverhead   = 96       // bytes of memory that a row costs beside its key and value, about
	cacheMaxValue = 16 << 10 // larger values are not kept
)

type rowShard struct {
	mu         sync.RWMutex
	young, old map[string]*cachedRow
	youngBytes int
	maxBytes   int    // of a generation
	newest     uint64 // the highest since that was put
	forgotten  uint64 // rows put in states up to this one may be gone; a reader of an older one must not fill
}

// cachedRow is a row that has been the newest since a state; a nil value is an absent key.
type cachedRow struct {
	value []byte
	since uint64
}

// newRowCache makes a cache of about sizeBytes.
func newRowCache(sizeBytes int64) *rowCache {
	c := &rowCache{}
	for i := range c.shards {
		c.shards[i].maxBytes = int(sizeBytes / rowShards / 2)
		c.shards[i].young = make(map[string]*cachedRow)
	}
	return c
}

func (c *rowCache) shard(pkey []byte) *rowShard { return &c.shards[shardOf(pkey)] }

// get returns the row of pkey in state seq; known is false when only Pebble can say.
func (c *rowCache) get(pkey []byte, seq uint64) (value []byte, known bool) {
	s := c.shard(pkey)
	s.mu.RLock()
	row, aged := s.young[string(pkey)], false
	if row == nil {
		row = s.old[string(pkey)]
		aged = row != nil
	}
	known = row != nil && row.since <= seq
	if known {
		value = row.value
	}
	s.mu.RUnlock()
	if known && aged {
		s.renew(pkey)
	}
	return value, known
}

// renew brings a row that was found in the old generation into the young one.
func (s *rowShard) renew(pkey []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if row, ok := s.old[string(pkey)]; ok {
		delete(s.old, string(pkey))
		s.addLocked(string(pkey), row)
	}
}

// put notes what a row is in state seq, and that it became that since the state that Pebble showed before. It is called
// before the first view reads Pebble in that state.
func (c *rowCache) put(pkey string, value []byte, seq uint64) {
	if pkey[0] == layout.TagKey {
		c.shards[maphash.String(rowSeed, pkey)%rowShards].put(pkey, value, seq)
	}
}

func (s *rowShard) put(pkey string, value []byte, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest = max(s.newest, seq)
	if len(value) > cacheMaxValue {
		s.dropLocked(pkey)
		return
	}
	if row := s.young[pkey]; row != nil {
		s.youngBytes += len(value) - len(row.value)
		row.value, row.since = value, seq
		s.ageLocked()
		return
	}
	delete(s.old, pkey)
	s.addLocked(pkey, &cachedRow{value, seq})
}

// dropLocked forgets a row, as if it had become too old.
func (s *rowShard) dropLocked(pkey string) {
	if row := s.young[pkey]; row != nil {
		s.youngBytes -= rowBytes(pkey, row)
		delete(s.young, pkey)
	}
	delete(s.old, pkey)
	s.forgotten = s.newest
}

// fill notes what a reader of state seq found in Pebble, unless a newer row is or may have been here.
func (c *rowCache) fill(pkey, value []byte, seq uint64) {
	if len(value) > cacheMaxValue {
		return
	}
	s := c.shard(pkey)
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq < s.forgotten {
		return
	}
	if _, ok := s.young[string(pkey)]; ok {
		return
	}
	if _, ok := s.old[string(pkey)]; ok {
		return
	}
	s.addLocked(string(pkey), &cachedRow{value, seq})
}

func (s *rowShard) addLocked(pkey string, row *cachedRow) {
	s.young[pkey] = row
	s.youngBytes += rowBytes(pkey, row)
	s.ageLocked()
}

// ageLocked begins a new generation when the young one is full.
func (s *rowShard) ageLocked() {
	if s.youngBytes < s.maxBytes {
		return
	}
	if len(s.old) > 0 {
		s.forgotten = s.newest
	}
	s.old, s.young, s.youngBytes = s.young, make(map[string]*cachedRow), 0
}

func rowBytes(pkey string, row *cachedRow) int { return len(pkey) + len(row.value) + rowOverhead }

// forget drops everything: ranges were deleted in state seq.
func (c *rowCache) forget(seq uint64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.young, s.old, s.youngBytes = make(map[string]*cachedRow), nil, 0
		s.newest = max(s.newest, seq)
		s.forgotten = s.newest
		s.mu.Unlock()
	}
}
