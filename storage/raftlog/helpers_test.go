package raftlog

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// mustOpen opens a store on fs that is closed when the test ends.
func mustOpen(t testing.TB, fs vfs.FS, o Options) *Store {
	t.Helper()
	o.FS = fs
	s, err := Open("log", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// noCache is for tests that must read what is on disk.
func noCache(o Options) Options {
	o.CacheEntries, o.CacheBytes = 1, 1
	return o
}

// makeEntry returns an entry whose content follows from its index and term.
func makeEntry(index, term uint64) *raft.Log {
	return &raft.Log{
		Index:      index,
		Term:       term,
		Type:       raft.LogType(index % 6),
		Data:       []byte(fmt.Sprintf("data %d.%d", index, term)),
		Extensions: []byte(fmt.Sprintf("ext %d", index)),
		AppendedAt: time.Unix(int64(index), int64(term)).UTC(),
	}
}

func makeEntries(lo, hi, term uint64) []*raft.Log {
	var logs []*raft.Log
	for i := lo; i <= hi; i++ {
		logs = append(logs, makeEntry(i, term))
	}
	return logs
}

func mustStore(t testing.TB, s *Store, lo, hi, term uint64) {
	t.Helper()
	if err := s.StoreLogs(makeEntries(lo, hi, term)); err != nil {
		t.Fatal(err)
	}
}

func mustDelete(t testing.TB, s *Store, lo, hi uint64) {
	t.Helper()
	if err := s.DeleteRange(lo, hi); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// bounds returns the first and the last index.
func bounds(t testing.TB, s *Store) (first, last uint64) {
	t.Helper()
	first, err := s.FirstIndex()
	if err != nil {
		t.Fatal(err)
	}
	if last, err = s.LastIndex(); err != nil {
		t.Fatal(err)
	}
	return first, last
}

func wantBounds(t testing.TB, s *Store, first, last uint64) {
	t.Helper()
	if f, l := bounds(t, s); f != first || l != last {
		t.Fatalf("log is %d..%d, want %d..%d", f, l, first, last)
	}
}

// wantEntries checks that the log is exactly lo..hi of the given term, by GetLog and by Entries.
func wantEntries(t testing.TB, s *Store, lo, hi, term uint64) {
	t.Helper()
	wantBounds(t, s, lo, hi)
	for i := lo; i <= hi; i++ {
		wantEntry(t, s, makeEntry(i, term))
	}
	wantAbsent(t, s, lo-1)
	wantAbsent(t, s, hi+1)
	next := lo
	err := s.Entries(0, 1<<63, func(log *raft.Log) error {
		if !equalLogs(log, makeEntry(next, term)) {
			t.Fatalf("walk: got %+v, want entry %d of term %d", log, next, term)
		}
		next++
		return nil
	})
	if err != nil || next != hi+1 {
		t.Fatalf("walk ended before %d: %v", next, err)
	}
}

func wantEntry(t testing.TB, s *Store, want *raft.Log) {
	t.Helper()
	var got raft.Log
	if err := s.GetLog(want.Index, &got); err != nil {
		t.Fatalf("entry %d: %v", want.Index, err)
	}
	if !equalLogs(&got, want) {
		t.Fatalf("entry %d: got %+v, want %+v", want.Index, got, *want)
	}
}

func wantAbsent(t testing.TB, s *Store, index uint64) {
	t.Helper()
	var got raft.Log
	if err := s.GetLog(index, &got); err != raft.ErrLogNotFound {
		t.Fatalf("entry %d: got error %v, want raft.ErrLogNotFound itself", index, err)
	}
}

// equalLogs compares everything; the time as an instant, empty bytes as nil.
func equalLogs(a, b *raft.Log) bool {
	return a.Index == b.Index && a.Term == b.Term && a.Type == b.Type && bytes.Equal(a.Data, b.Data) &&
		bytes.Equal(a.Extensions, b.Extensions) && a.AppendedAt.Equal(b.AppendedAt)
}

// onDisk returns the indexes of the entries that are not said to be gone on the disk, whether or not they are part of
// the log.
func onDisk(t testing.TB, s *Store) (indexes []uint64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	_, last := bounds(t, s)
	if s.mu.physical == 0 {
		return nil
	}
	for _, p := range s.journal.between(s.mu.physical, last) {
		for i := p.first; i <= p.last; i++ {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// wantOnDisk checks that exactly the entries lo..hi are there.
func wantOnDisk(t testing.TB, s *Store, lo, hi uint64) {
	t.Helper()
	got := onDisk(t, s)
	if uint64(len(got)) != hi+1-lo || got[0] != lo || got[len(got)-1] != hi {
		t.Fatalf("on disk are %v, want %d..%d", got, lo, hi)
	}
}
