package raftlog

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

func TestOptions(t *testing.T) {
	if err := (Options{}).withDefaults().validate(); err != nil {
		t.Fatalf("the defaults are not valid: %v", err)
	}
	_, err := Open("log", Options{FS: vfs.NewMem(), CacheEntries: -1, CacheBytes: -1, MemTableBytes: 1})
	for _, name := range []string{"CacheEntries", "CacheBytes", "MemTableBytes"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("no fault found with %s: %v", name, err)
		}
	}
}

func TestIsMonotonic(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), Options{})
	if !s.IsMonotonic() {
		t.Fatal("raft would leave gaps that StoreLogs refuses")
	}
	cached, err := raft.NewLogCache(8, s)
	if err != nil || !cached.IsMonotonic() {
		t.Fatal("raft's cache hides it")
	}
}

// TestRealFileSystem runs on the disk, and finds everything in a new process's eyes.
func TestRealFileSystem(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "log")
	for from := uint64(1); from <= 3; from++ {
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		mustStore(t, s, from, from, 1)
		wantEntries(t, s, 1, from, 1)
		if _, err := Open(dir, Options{}); err == nil {
			t.Fatal("opened twice")
		}
		mustClose(t, s)
	}
}

func TestReadOnly(t *testing.T) {
	fs := vfs.NewMem()
	if _, err := Open("log", Options{FS: fs, ReadOnly: true}); err == nil {
		t.Fatal("opened what is not there")
	}
	s := mustOpen(t, fs, Options{})
	mustStore(t, s, 1, 10, 1)
	if err := s.SetUint64([]byte("term"), 7); err != nil {
		t.Fatal(err)
	}
	mustDelete(t, s, 1, 3)
	mustClose(t, s)
	before := fs.String()

	s = mustOpen(t, fs, Options{ReadOnly: true})
	wantEntries(t, s, 1, 10, 1)
	if term, err := s.GetUint64([]byte("term")); term != 7 || err != nil {
		t.Fatalf("term is %d, %v", term, err)
	}
	for name, write := range map[string]func() error{
		"StoreLogs":   func() error { return s.StoreLogs(makeEntries(11, 11, 1)) },
		"StoreLog":    func() error { return s.StoreLog(makeEntry(11, 1)) },
		"DeleteRange": func() error { return s.DeleteRange(1, 10) },
		"DropBehind":  func() error { return s.DropBehind(11) },
		"Set":         func() error { return s.Set([]byte("a"), nil) },
		"SetUint64":   func() error { return s.SetUint64([]byte("a"), 1) },
	} {
		if err := write(); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantEntries(t, s, 1, 10, 1)
	mustClose(t, s)
	if after := fs.String(); after != before {
		t.Fatalf("files changed from\n%s\nto\n%s", before, after)
	}
}

func TestClose(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), Options{})
	mustStore(t, s, 1, 10, 1)
	mustClose(t, s)
	mustClose(t, s)
	for name, call := range map[string]func() error{
		"StoreLogs":    func() error { return s.StoreLogs(makeEntries(11, 11, 1)) },
		"DeleteRange":  func() error { return s.DeleteRange(1, 10) },
		"DropBehind":   func() error { return s.DropBehind(11) },
		"GetLog":       func() error { return s.GetLog(1, new(raft.Log)) },
		"Entries":      func() error { return s.Entries(1, 10, nil) },
		"Set":          func() error { return s.Set([]byte("a"), nil) },
		"Get":          func() error { _, err := s.Get([]byte("a")); return err },
		"StableValues": func() error { return s.StableValues(nil) },
	} {
		if err := call(); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantBounds(t, s, 1, 10)
}

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

func TestCorruptEntries(t *testing.T) {
	tests := []struct {
		name   string
		damage func(s *Store) error
		want   error
	}{
		{"flipped bit", func(s *Store) error {
			v, err := s.read(entryKey(5))
			if err != nil {
				return err
			}
			v[30] ^= 1
			return s.db.Set(entryKey(5), v, pebble.Sync)
		}, ErrCorrupt},
		{"missing", func(s *Store) error { return s.db.Delete(entryKey(5), pebble.Sync) }, ErrCorrupt},
		{"value of another entry", func(s *Store) error {
			v, err := s.read(entryKey(6))
			if err != nil {
				return err
			}
			return s.db.Set(entryKey(5), v, pebble.Sync)
		}, ErrCorrupt},
		{"later format", func(s *Store) error {
			return s.db.Set(entryKey(5), appendChecksum([]byte{9}, entryKey(5)), pebble.Sync)
		}, ErrUnknownFormat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := mustOpen(t, vfs.NewMem(), noCache(Options{}))
			mustStore(t, s, 1, 10, 1)
			if err := tt.damage(s); err != nil {
				t.Fatal(err)
			}
			if err := s.GetLog(5, new(raft.Log)); !errors.Is(err, tt.want) {
				t.Errorf("GetLog: %v", err)
			}
			wantEntry(t, s, makeEntry(4, 1))
			wantEntry(t, s, makeEntry(6, 1))
			for hi, want := range map[uint64]error{4: nil, 5: tt.want, 10: tt.want} {
				calls := 0
				if err := s.Entries(1, hi, func(*raft.Log) error { calls++; return nil }); !errors.Is(err, want) || calls != 4 {
					t.Errorf("Entries to %d: %v after %d calls", hi, err, calls)
				}
			}
		})
	}
}

// TestCorruptFile flips a bit in a table; Pebble finds it, and the reader hears ErrCorrupt instead of a panic.
func TestCorruptFile(t *testing.T) {
	damaged := func(offset int64) vfs.FS {
		fs := vfs.NewMem()
		s := mustOpen(t, fs, Options{})
		var logs []*raft.Log
		for i := uint64(1); i <= 100; i++ {
			logs = append(logs, &raft.Log{Index: i, Data: bytes.Repeat([]byte{1}, 4000)})
		}
		if err := errors.Join(s.StoreLogs(logs), s.db.Flush()); err != nil {
			t.Fatal(err)
		}
		mustClose(t, s)
		tables, err := fs.List("log")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range tables {
			if strings.HasSuffix(name, ".sst") {
				flipBit(t, fs, fs.PathJoin("log", name), offset)
			}
		}
		return fs
	}
	if _, err := Open("log", Options{FS: damaged(200)}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("first entry: Open: %v", err)
	}
	var out bytes.Buffer
	s := mustOpen(t, damaged(200_000), Options{Logger: slog.New(slog.NewTextHandler(&out, nil))})
	var errs int
	for i := uint64(1); i <= 100; i++ {
		if err := s.GetLog(i, new(raft.Log)); errors.Is(err, ErrCorrupt) {
			errs++
		} else if err != nil {
			t.Errorf("GetLog: %v", err)
		}
	}
	if errs == 0 || errs > 2 {
		t.Errorf("GetLog: %d entries are damaged", errs)
	}
	if err := s.Entries(1, 100, func(*raft.Log) error { return nil }); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Entries: %v", err)
	}
	if !strings.Contains(out.String(), "pebble found a damaged file") {
		t.Errorf("logged %q", &out)
	}
}

func flipBit(t *testing.T, fs vfs.FS, path string, offset int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, offset); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 4
	if _, err := f.WriteAt(b, offset); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestEntries(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), Options{})
	if err := s.Entries(0, 1<<63, func(*raft.Log) error { return errors.New("called") }); err != nil {
		t.Fatalf("empty log: %v", err)
	}
	mustStore(t, s, 1, 20, 1)
	mustDelete(t, s, 1, 4)
	tests := []struct{ lo, hi, first, count uint64 }{
		{5, 20, 5, 16}, {0, 1<<64 - 1, 5, 16}, {1, 6, 5, 2}, {19, 30, 19, 2}, {7, 7, 7, 1}, {8, 7, 0, 0}, {1, 4, 0, 0}, {21, 30, 0, 0},
	}
	for _, tt := range tests {
		var got []uint64
		err := s.Entries(tt.lo, tt.hi, func(log *raft.Log) error { got = append(got, log.Index); return nil })
		if err != nil || uint64(len(got)) != tt.count || tt.count > 0 && got[0] != tt.first {
			t.Errorf("%d..%d: got %v, %v", tt.lo, tt.hi, got, err)
		}
	}
	stop, calls := errors.New("stop"), 0
	if err := s.Entries(5, 20, func(*raft.Log) error { calls++; return stop }); err != stop || calls != 1 {
		t.Errorf("returned %v after %d calls", err, calls)
	}
}

func TestLogger(t *testing.T) {
	var out bytes.Buffer
	l := logger{slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	l.Infof("flushed %d", 1)
	l.Errorf("failed %d", 2)
	func() {
		defer func() {
			if msg := recover(); msg != "storage/raftlog: pebble cannot continue: gone 3" {
				t.Errorf("recovered %v", msg)
			}
		}()
		l.Fatalf("gone %d", 3)
		t.Error("Fatalf returned")
	}()
	for _, want := range []string{
		`level=DEBUG msg="pebble event" event="flushed 1"`,
		`level=ERROR msg="pebble error" err="failed 2"`,
		`level=ERROR msg="pebble cannot continue" err="gone 3"`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing in\n%s", want, &out)
		}
	}
	out.Reset()
	logger{slog.New(slog.NewTextHandler(&out, nil))}.Infof("flushed %d", 1)
	if out.Len() > 0 {
		t.Errorf("logged at info level: %s", &out)
	}
}
