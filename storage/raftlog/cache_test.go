package raftlog

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

func TestCacheBounds(t *testing.T) {
	tests := []struct {
		name                 string
		maxEntries, maxBytes int
		sizes                []int // of entries 1, 2, ...
		lo, hi               uint64
	}{
		{"fits", 4, 100, []int{10, 10, 10}, 1, 3},
		{"full", 4, 100, []int{10, 10, 10, 10}, 1, 4},
		{"too many entries", 4, 100, []int{10, 10, 10, 10, 10}, 2, 5},
		{"just enough bytes", 10, 100, []int{50, 50}, 1, 2},
		{"too many bytes", 10, 100, []int{50, 50, 1}, 2, 3},
		{"one takes the room of many", 10, 100, []int{30, 30, 30, 90}, 4, 4},
		{"one takes all the room", 10, 100, []int{30, 30, 100}, 3, 3},
		{"one is too large", 10, 100, []int{30, 30, 101}, 0, 0},
		{"after one too large", 10, 100, []int{30, 101, 30}, 3, 3},
		{"one entry", 1, 100, []int{10, 10}, 2, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCache(tt.maxEntries, tt.maxBytes)
			for i, size := range tt.sizes {
				c.addEntry(*makeEntry(uint64(i+1), 1), size)
			}
			wantCached(t, c, tt.lo, tt.hi, 1)
		})
	}
}

func TestCacheKeep(t *testing.T) {
	tests := []struct {
		name        string
		first, last uint64
		lo, hi      uint64
	}{
		{"everything", 1, 100, 10, 19},
		{"exactly", 10, 19, 10, 19},
		{"head gone", 15, 19, 15, 19},
		{"tail gone", 1, 12, 10, 12},
		{"both gone", 12, 14, 12, 14},
		{"empty log", 0, 0, 0, 0},
		{"before", 1, 9, 0, 0},
		{"after", 20, 30, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCache(16, 1000)
			for i := uint64(10); i <= 19; i++ {
				c.addEntry(*makeEntry(i, 1), 1)
			}
			c.retain(tt.first, tt.last)
			wantCached(t, c, tt.lo, tt.hi, 1)
			next := max(tt.last, 1) + 1
			c.addEntry(*makeEntry(next, 2), 1)
			var log raft.Log
			if !c.getEntry(next, &log) || log.Term != 2 || c.getEntry(next+1, &log) {
				t.Fatalf("entry %d after keep: %+v", next, log)
			}
		})
	}
}

// TestCacheFreesMemory: what is outside of the run refers to no entry, and the bytes are those of the run.
func TestCacheFreesMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	c := newCache(8, 100)
	last := uint64(0)
	for range 2000 {
		switch rng.IntN(6) {
		case 0:
			last = last * uint64(rng.IntN(10)) / 10
			c.retain(0, last)
		case 1:
			c.retain(last-min(last, uint64(rng.IntN(10))), last)
		case 2:
			last += uint64(rng.IntN(3))
			fallthrough
		default:
			last++
			c.addEntry(raft.Log{Index: last, Data: []byte{1}}, rng.IntN(60))
		}
		used, bytes := 0, 0
		for _, kept := range c.mu.ring {
			if kept.log.Data != nil {
				used++
				bytes += kept.sizeBytes
			}
		}
		if uint64(used) != c.mu.count || bytes != c.mu.bytes || bytes > 100 {
			t.Fatalf("%d entries and %d bytes are held, counted %d and %d", used, bytes, c.mu.count, c.mu.bytes)
		}
	}
}

// TestCacheIsUsedAndSurvivesCompaction: the reason not to use raft.NewLogCache.
func TestCacheIsUsedAndSurvivesCompaction(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), Options{CacheEntries: 50})
	mustStore(t, s, 1, 100, 1)
	wantCached(t, s.cache, 51, 100, 1)
	mustDelete(t, s, 1, 10)
	wantCached(t, s.cache, 51, 100, 1)
	mustDelete(t, s, 91, 100)
	wantCached(t, s.cache, 51, 90, 1)
	mustDelete(t, s, 11, 60)
	wantCached(t, s.cache, 61, 90, 1)
	mustDelete(t, s, 1, 90)
	wantCached(t, s.cache, 0, 0, 1)
}

func wantCached(t *testing.T, c *cache, lo, hi, term uint64) {
	t.Helper()
	for i := range uint64(200) {
		var log raft.Log
		if got, want := c.getEntry(i, &log), i >= lo && i <= hi && lo > 0; got != want {
			t.Fatalf("entry %d is cached: %v, want %d..%d", i, got, lo, hi)
		} else if got && !equalLogs(&log, makeEntry(i, term)) {
			t.Fatalf("entry %d is cached as %+v", i, log)
		}
	}
}
