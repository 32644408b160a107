package raftlog

import (
	"sync"

	"github.com/hashicorp/raft"
)

// cache holds the newest entries of the log, a run without holes, at most as many entries and bytes as it was made for.
//
// The leader reads every entry once per follower, a follower reads every entry once to apply it, both moments after
// it was stored; from here that costs neither a search in Pebble, nor a copy, nor a checksum. raft.NewLogCache would
// serve these reads too, but it forgets everything on each DeleteRange, which comes every ten entries here, and it is
// bounded in entries only: 512 of them may be 256 MiB.
//
// It is filled by StoreLogs and never by reads: a follower that catches up reads old entries, each once.
type cache struct {
	maxBytes int
	mu       struct {
		sync.RWMutex
		ring  []cachedEntry // a ring: the entry at index is at index mod len(ring)
		lo    uint64        // oldest index held
		count uint64        // how many are held, from lo on
		bytes int           // sum of their sizes
	}
}

type cachedEntry struct {
	log       raft.Log
	sizeBytes int
}

func newCache(maxEntries, maxBytes int) *cache {
	c := &cache{maxBytes: maxBytes}
	c.mu.ring = make([]cachedEntry, maxEntries)
	return c
}

// getEntry fills log with the entry at index if it is held. The data and extensions are shared with other readers.
func (c *cache) getEntry(index uint64, log *raft.Log) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if index-c.mu.lo >= c.mu.count { // below lo it wraps around and is large too
		return false
	}
	*log = c.atLocked(index).log
	return true
}

// addEntry holds one more entry, whose size in memory is sizeBytes. One that does not follow the newest replaces them
// all.
func (c *cache) addEntry(log raft.Log, sizeBytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if log.Index != c.mu.lo+c.mu.count || sizeBytes > c.maxBytes {
		for c.mu.count > 0 {
			c.dropOldestLocked()
		}
		c.mu.lo = log.Index
	}
	if sizeBytes > c.maxBytes {
		return
	}
	for c.mu.count == uint64(len(c.mu.ring)) || c.mu.bytes+sizeBytes > c.maxBytes {
		c.dropOldestLocked()
	}
	*c.atLocked(log.Index) = cachedEntry{log: log, sizeBytes: sizeBytes}
	c.mu.count++
	c.mu.bytes += sizeBytes
}

// retain forgets every entry outside of [first, last].
func (c *cache) retain(first, last uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.mu.count > 0 && c.mu.lo < first {
		c.dropOldestLocked()
	}
	for c.mu.count > 0 && c.mu.lo+c.mu.count-1 > last {
		c.dropLocked(c.mu.lo + c.mu.count - 1)
	}
}

func (c *cache) dropOldestLocked() {
	c.dropLocked(c.mu.lo)
	c.mu.lo++
}

// dropLocked forgets an entry at one of the two ends.
func (c *cache) dropLocked(index uint64) {
	kept := c.atLocked(index)
	c.mu.bytes -= kept.sizeBytes
	c.mu.count--
	*kept = cachedEntry{}
}

func (c *cache) atLocked(index uint64) *cachedEntry {
	return &c.mu.ring[index%uint64(len(c.mu.ring))]
}
