package raftlog

import (
	"errors"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// TestCloseWaits: a call under way never finds Pebble closed, not even one that reads from within a walk.
func TestCloseWaits(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), noCache(Options{}))
	mustStore(t, s, 1, 100, 1)
	var wg sync.WaitGroup
	inside := make(chan struct{})
	wg.Go(func() {
		err := s.Entries(1, 100, func(log *raft.Log) error {
			if log.Index == 1 {
				close(inside)
			}
			return s.GetLog(log.Index, new(raft.Log))
		})
		if err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	<-inside
	for range 4 {
		wg.Go(func() {
			for {
				if err := s.GetLog(50, new(raft.Log)); errors.Is(err, ErrClosed) {
					return
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() { mustClose(t, s) })
	}
	wg.Wait()
}

// TestConcurrentReaders read while the log grows, is compacted and is cut; run it with -race.
func TestConcurrentReaders(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), Options{TruncateEvery: 10, CacheEntries: 8})
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				first, last := bounds(t, s)
				for i := first; i <= last; i++ {
					var log raft.Log
					if err := s.GetLog(i, &log); err == nil && !equalLogs(&log, makeEntry(i, log.Term)) {
						t.Errorf("entry %d is %+v", i, log)
					} else if err != nil && err != raft.ErrLogNotFound {
						t.Error(err)
					}
				}
				if err := s.Entries(0, 1<<63, func(*raft.Log) error { return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	next := uint64(1)
	for term := uint64(1); term < 300; term++ {
		mustStore(t, s, next, next+9, term)
		next += 10
		switch {
		case term%50 == 0:
			mustDelete(t, s, 0, next)
			next += 100
		case term%7 == 0:
			next -= 5
			mustDelete(t, s, next, next+4)
		default:
			mustDelete(t, s, 0, next-20)
		}
	}
	close(done)
	wg.Wait()
}

// TestReadersNeverTakeADeletionForDamage: the log is emptied all the time, under the eyes of readers.
func TestReadersNeverTakeADeletionForDamage(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), noCache(Options{}))
	done := make(chan struct{})
	var wg sync.WaitGroup
	reader := func(read func() error) {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					if err := read(); err != nil && err != raft.ErrLogNotFound {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	reader(func() error { return s.GetLog(2, new(raft.Log)) })
	reader(func() error { return s.Entries(1, 3, func(*raft.Log) error { return nil }) })
	if err := s.readMissing(2, new(raft.Log)); err != raft.ErrLogNotFound {
		t.Errorf("the rare case: %v", err)
	}
	for i := range 2000 {
		mustStore(t, s, 1, 3, 1)
		mustDelete(t, s, 1, 3)
		if i%100 == 0 { // or a thousand range deletions in one memtable make every read slow
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(done)
	wg.Wait()
}
