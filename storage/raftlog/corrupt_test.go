package raftlog

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

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
