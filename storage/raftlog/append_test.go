package raftlog

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

func TestStoreLogs(t *testing.T) {
	entry := func(index uint64) *raft.Log { return makeEntry(index, 1) }
	tests := []struct {
		name        string
		before      []*raft.Log
		logs        []*raft.Log
		want        error
		first, last uint64
	}{
		{"nothing into an empty log", nil, nil, nil, 0, 0},
		{"nothing", makeEntries(1, 3, 1), nil, nil, 1, 3},
		{"first", nil, makeEntries(1, 1, 1), nil, 1, 1},
		{"anywhere into an empty log", nil, makeEntries(100, 102, 1), nil, 100, 102},
		{"next", makeEntries(1, 3, 1), makeEntries(4, 6, 1), nil, 1, 6},
		{"index 0", nil, []*raft.Log{entry(0)}, ErrGap, 0, 0},
		{"gap to the last entry", makeEntries(1, 3, 1), makeEntries(5, 6, 1), ErrGap, 1, 3},
		{"gap in between", makeEntries(1, 3, 1), []*raft.Log{entry(4), entry(6)}, ErrGap, 1, 3},
		{"gap into an empty log", nil, []*raft.Log{entry(4), entry(6)}, ErrGap, 0, 0},
		{"overwrites the last entry", makeEntries(1, 3, 1), makeEntries(3, 4, 1), ErrGap, 1, 3},
		{"before the first", makeEntries(5, 6, 1), makeEntries(4, 4, 1), ErrGap, 5, 6},
		{"same entry twice", nil, []*raft.Log{entry(1), entry(1)}, ErrGap, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fs := vfs.NewMem()
			s := mustOpen(t, fs, Options{})
			if err := s.StoreLogs(tt.before); err != nil {
				t.Fatal(err)
			}
			if err := s.StoreLogs(tt.logs); !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			wantBounds(t, s, tt.first, tt.last)
			mustClose(t, s)
			s = mustOpen(t, fs, Options{})
			wantBounds(t, s, tt.first, tt.last)
			if tt.first > 0 {
				wantEntries(t, s, tt.first, tt.last, 1)
			}
		})
	}
}

func TestStoreLog(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), Options{})
	if err := s.StoreLog(makeEntry(5, 2)); err != nil {
		t.Fatal(err)
	}
	wantEntries(t, s, 5, 5, 2)
}

// TestEntriesAreTheSameFromCacheAndDisk: whoever reads cannot tell where an entry came from.
func TestEntriesAreTheSameFromCacheAndDisk(t *testing.T) {
	fs := vfs.NewMem()
	logs := []*raft.Log{
		{Index: 1, Term: 1, Type: raft.LogCommand, Data: []byte("x"), AppendedAt: time.Now()}, // local, with monotonic clock
		{Index: 2, Term: 1, Type: raft.LogNoop, Data: []byte{}, Extensions: []byte{}},
		{Index: 3, Term: 1, Type: raft.LogCommand, AppendedAt: time.Now().In(time.FixedZone("x", 3600))},
	}
	s := mustOpen(t, fs, Options{})
	if err := s.StoreLogs(logs); err != nil {
		t.Fatal(err)
	}
	var cached, stored [3]raft.Log
	for i := range cached {
		if !s.cache.getEntry(uint64(i+1), &cached[i]) {
			t.Fatalf("entry %d is not cached", i+1)
		}
	}
	mustClose(t, s)
	s = mustOpen(t, fs, Options{})
	for i := range stored {
		if err := s.GetLog(uint64(i+1), &stored[i]); err != nil {
			t.Fatal(err)
		}
		if stored[i].AppendedAt != cached[i].AppendedAt || (stored[i].Data == nil) != (cached[i].Data == nil) ||
			stored[i].Extensions != nil || cached[i].Extensions != nil || !equalLogs(&stored[i], logs[i]) {
			t.Errorf("cached %+v, stored %+v, given %+v", cached[i], stored[i], *logs[i])
		}
		if len(stored[i].Data) == 0 && stored[i].Data != nil {
			t.Errorf("entry %d: empty data are not nil", i+1)
		}
	}
}

// TestMemoryOfEntries: the cache keeps an entry in the memory it came in, Pebble in its own; who is given an entry
// cannot append to it in place.
func TestMemoryOfEntries(t *testing.T) {
	for name, o := range map[string]Options{"cache": {}, "pebble": noCache(Options{})} {
		t.Run(name, func(t *testing.T) {
			s := mustOpen(t, vfs.NewMem(), o)
			log := makeEntry(1, 1)
			log.Extensions, log.Data = append(make([]byte, 0, 100), log.Extensions...), append(make([]byte, 0, 100), log.Data...)
			if err := s.StoreLog(log); err != nil {
				t.Fatal(err)
			}
			if name == "pebble" {
				clear(log.Data)
				clear(log.Extensions)
			}
			wantEntry(t, s, makeEntry(1, 1))

			var first raft.Log
			if err := s.GetLog(1, &first); err != nil {
				t.Fatal(err)
			}
			if shared := &first.Data[0] == &log.Data[0] && &first.Extensions[0] == &log.Extensions[0]; shared != (name == "cache") {
				t.Errorf("memory is shared: %v", shared)
			}
			_ = append(first.Extensions, '!') // must not overwrite the data behind it
			_ = append(first.Data, '!')       // nor the checksum
			wantEntry(t, s, makeEntry(1, 1))
		})
	}
}

// TestGetLogDoesNotAliasPebble: what GetLog and Entries return stays as it is while Pebble goes on.
func TestGetLogDoesNotAliasPebble(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), noCache(Options{FileBytes: 256 << 10}))
	for i := uint64(1); i <= 10; i++ { // in records of their own: the last that was read is shared
		mustStore(t, s, i, i, 1)
	}
	var got []*raft.Log
	for i := uint64(1); i <= 10; i++ {
		log := new(raft.Log)
		if err := s.GetLog(i, log); err != nil {
			t.Fatal(err)
		}
		got = append(got, log)
	}
	if err := s.Entries(1, 10, func(log *raft.Log) error { got = append(got, log); return nil }); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		clear(got[i].Data) // were it Pebble's memory, the entry would change
	}
	wantEntries(t, s, 1, 10, 1)
}

// TestRecords: many entries are several records, and are read as they are wanted, a record once.
func TestRecords(t *testing.T) {
	for _, early := range []bool{false, true} {
		fs := vfs.NewCrashableMem()
		opens := 0
		s := mustOpen(t, errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpOpen && strings.HasSuffix(op.Path, ".log") {
				opens++
			}
			return nil
		})), noCache(Options{}))
		var logs []*raft.Log
		for i := uint64(1); i <= 60; i++ {
			logs = append(logs, &raft.Log{Index: i, Term: 1, Data: bytes.Repeat([]byte{byte(i)}, 100<<10)})
		}
		if early {
			done := make(chan struct{})
			if err := s.AppendLogs(logs, func() { close(done) }); err != nil {
				t.Fatal(err)
			}
			wantEntry(t, s, logs[3])
			<-done
		} else if err := s.StoreLogs(logs); err != nil {
			t.Fatal(err)
		}
		if n := len(s.journal.between(1, 60)); n != 6 {
			t.Errorf("%d records", n)
		}
		opens = 0
		for _, log := range logs {
			wantEntry(t, s, log)
		}
		if opens > 2 {
			t.Errorf("the file was opened %d times", opens)
		}
		after := crashed(t, fs, 0, 1, Options{})
		wantBounds(t, after, 1, 60)
	}
}

func TestStoreLogsRefusesHugeBatches(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), Options{})
	data := make([]byte, 128<<20)
	var logs []*raft.Log
	for i := range uint64(8) {
		logs = append(logs, &raft.Log{Index: i + 1, Data: data})
	}
	if err := s.StoreLogs(logs); err == nil {
		t.Fatal("stored more than Pebble can take")
	}
	wantBounds(t, s, 0, 0)
	mustStore(t, s, 1, 3, 1)
}

// TestAppendLogs: entries can be read before they are on the disk, are told of once they are, in order, and a later
// append syncs them too.
func TestAppendLogs(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var disk sync.Mutex // held while it stands still
	s := mustOpen(t, errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if isSync(op) {
			disk.Lock()
			defer disk.Unlock()
		}
		return nil
	})), Options{})
	told := make(chan uint64, 9)
	add := func(lo, hi uint64) {
		t.Helper()
		if err := s.AppendLogs(makeEntries(lo, hi, 1), func() { told <- hi }); err != nil {
			t.Fatal(err)
		}
	}
	disk.Lock()
	add(1, 3)
	add(4, 4)
	wantEntries(t, s, 1, 4, 1)
	wantBounds(t, crashed(t, mem, 0, 1, Options{}), 0, 0)
	select {
	case hi := <-told:
		t.Errorf("%d is on a disk that stands still", hi)
	default:
	}
	if err := s.AppendLogs(makeEntries(6, 6, 1), nil); !errors.Is(err, ErrGap) {
		t.Errorf("a gap: %v", err)
	}
	disk.Unlock()
	for _, want := range []uint64{3, 4} {
		if got := <-told; got != want {
			t.Errorf("told of %d, want %d", got, want)
		}
	}
	wantEntries(t, crashed(t, mem, 0, 1, Options{}), 1, 4, 1)
	add(5, 5)
	mustStore(t, s, 6, 7, 1)
	wantEntries(t, crashed(t, mem, 0, 1, Options{}), 1, 7, 1)
	add(8, 8)
	mustClose(t, s)
	if got := []uint64{<-told, <-told}; got[0] != 5 || got[1] != 8 {
		t.Errorf("told of %d", got)
	}
	if err := s.AppendLogs(makeEntries(9, 9, 1), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
