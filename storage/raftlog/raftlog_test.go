package raftlog

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

func TestOptions(t *testing.T) {
	if err := (Options{}).withDefaults().validate(); err != nil {
		t.Fatalf("the defaults are not valid: %v", err)
	}
	_, err := Open("log", Options{FS: vfs.NewMem(), CacheEntries: -1, CacheBytes: -1, FileBytes: 1})
	for _, name := range []string{"CacheEntries", "CacheBytes", "FileBytes"} {
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
