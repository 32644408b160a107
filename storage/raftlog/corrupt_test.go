package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
	"github.com/hashicorp/raft"
)

// TestCorruptEntries: a record that is whole, but does not hold what it should.
func TestCorruptEntries(t *testing.T) {
	valueOf := func(index uint64) []byte { return encodeEntry(nil, entryKey(index), makeEntry(index, 1)) }
	flipped := valueOf(5)
	flipped[25] ^= 1
	tests := []struct {
		name       string
		key, value []byte
		want       error
	}{
		{"flipped bit", entryKey(5), flipped, ErrCorrupt},
		{"missing", entryKey(6), valueOf(6), ErrCorrupt},
		{"value of another entry", entryKey(5), valueOf(6), ErrCorrupt},
		{"no entry", []byte("x"), []byte("y"), ErrCorrupt},
		{"later format", entryKey(5), appendChecksum([]byte{9}, entryKey(5)), ErrUnknownFormat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fs := vfs.NewMem()
			s := mustOpen(t, fs, noCache(Options{}))
			mustStore(t, s, 1, 4, 1)
			b, p := s.db.NewBatch(), new(pending)
			if err := b.Set(tt.key, tt.value, nil); err != nil {
				t.Fatal(err)
			}
			seq := s.journal.append(b, []*raft.Log{makeEntry(5, 1)}, p)
			s.journal.await(p)
			s.journal.synced(seq)
			s.last.Store(5)
			mustStore(t, s, 6, 10, 1)

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

// TestCorruptFile flips a bit in the middle of a file: who has the store open hears ErrCorrupt for what is near it,
// and who opens it hears that it is damaged, though behind the bit nothing but the end of the log may be wrong.
func TestCorruptFile(t *testing.T) {
	for _, closed := range []bool{false, true} {
		var out bytes.Buffer
		fs := vfs.NewMem()
		s := mustOpen(t, fs, noCache(Options{Logger: slog.New(slog.NewTextHandler(&out, nil))}))
		for i := uint64(1); i <= 100; i++ {
			if err := s.StoreLog(&raft.Log{Index: i, Data: bytes.Repeat([]byte{1}, 4000)}); err != nil {
				t.Fatal(err)
			}
		}
		path := s.journal.path(1)
		if closed {
			mustClose(t, s)
		}
		flipBit(t, fs, path, 200_000)
		if _, err := Open("log", Options{FS: fs, ReadOnly: true}); closed && !errors.Is(err, ErrCorrupt) {
			t.Errorf("Open: %v", err)
		}
		if closed {
			continue
		}
		var errs int
		for i := uint64(1); i <= 100; i++ {
			if err := s.GetLog(i, new(raft.Log)); errors.Is(err, ErrCorrupt) {
				errs++
			} else if err != nil {
				t.Errorf("GetLog: %v", err)
			}
		}
		if errs == 0 || errs > blockBytes/4000+1 {
			t.Errorf("GetLog: %d entries are damaged", errs)
		}
		if err := s.Entries(1, 100, func(*raft.Log) error { return nil }); !errors.Is(err, ErrCorrupt) {
			t.Errorf("Entries: %v", err)
		}
		if !strings.Contains(out.String(), "the raft log is damaged") {
			t.Errorf("logged %q", &out)
		}
	}
}

// TestMissingFile: a file that is gone is found out, whichever it is of those that have been followed by another.
func TestMissingFile(t *testing.T) {
	for gone := uint64(1); gone <= 3; gone++ {
		fs := vfs.NewMem()
		o := Options{FileBytes: 256 << 10}
		s := mustOpen(t, fs, o)
		for i := uint64(1); s.journal.num < 4; i++ {
			if err := s.StoreLog(&raft.Log{Index: i, Data: make([]byte, 100<<10)}); err != nil {
				t.Fatal(err)
			}
		}
		path := s.journal.path(wal.NumWAL(gone))
		mustClose(t, s)
		if err := fs.Remove(path); err != nil {
			t.Fatal(err)
		}
		o.FS = fs
		if _, err := Open("log", o); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), fmt.Sprintf("file %d ", gone)) {
			t.Errorf("without file %d: %v", gone, err)
		}
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
