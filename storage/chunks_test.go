package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
	"cairn/storage/storagetest"
)

// longValue returns a row of n bytes, which are not all the same.
func longValue(r *rand.Rand, n int) []byte {
	v := bytes.Repeat([]byte{1, byte(r.Uint32()), byte(r.Uint32()), 4, 5}, n/5+1)[:n]
	return v
}

// TestLongRows replaces, removes and reads rows of all lengths, also in one transaction and by ranges, with restarts.
// Every reader finds whole rows, and no chunks are left of rows that are gone.
func TestLongRows(t *testing.T) {
	r := storagetest.Rand(t)
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	want := map[string][]byte{}
	lengths := []int{1, 100, longRow - 1, longRow, longRow + 1, longRow + chunkBytes, 2*longRow + 12345}
	for index := uint64(1); index <= 60; index++ {
		x, err := s.Begin()
		must(t, err)
		for range 1 + r.IntN(3) {
			k := []byte(fmt.Sprintf("M%c", 'a'+r.IntN(6)))
			got, err := x.Get(k)
			must(t, err)
			if !bytes.Equal(got, want[string(k)]) {
				t.Fatalf("at %d the transaction reads %d bytes for %s, want %d", index, len(got), k, len(want[string(k)]))
			}
			switch r.IntN(8) {
			case 0:
				must(t, x.Delete(k))
				delete(want, string(k))
			case 1:
				must(t, x.DeleteRange([]byte("Mc"), []byte("Me")))
				delete(want, "Mc")
				delete(want, "Md")
			default:
				v := longValue(r, lengths[r.IntN(len(lengths))])
				must(t, x.Set(k, v))
				want[string(k)] = v
			}
		}
		must(t, x.Commit(Applied{index, 1}))
		if r.IntN(10) == 0 {
			must(t, s.Close())
			s = mustOpen(t, fs)
		}
		checkLongRows(t, s, want, false)
		if r.IntN(2) == 0 {
			must(t, s.Sync())
			checkLongRows(t, s, want, true)
		}
	}
	must(t, s.Close())
}

func checkLongRows(t *testing.T, s *Store, want map[string][]byte, flushed bool) {
	t.Helper()
	v, err := s.View(0)
	must(t, err)
	defer v.Close()
	rows, chunks := 0, 0
	must(t, v.Scan([]byte("M"), []byte("N"), func(k, b []byte) (bool, error) {
		got, err := v.Get(k)
		if rows++; !bytes.Equal(b, want[string(k)]) || !bytes.Equal(got, b) || err != nil {
			t.Errorf("row %s: Scan has %d bytes, Get %d, want %d, %v", k, len(b), len(got), len(want[string(k)]), err)
		}
		return true, nil
	}))
	if rows != len(want) {
		t.Fatalf("there are %d rows, want %d", rows, len(want))
	}
	if !flushed { // what was deleted with a range has its chunks until then
		return
	}
	for _, row := range want {
		chunks += chunksOf(len(row))
	}
	must(t, v.Scan([]byte{layout.TagChunk}, []byte{layout.TagChunk + 1}, func(k, _ []byte) (bool, error) {
		chunks--
		return true, nil
	}))
	if chunks != 0 {
		t.Fatalf("%d chunks are missing", chunks)
	}
}

// TestLongRowDamaged: a row with a chunk that is missing or too short is corrupt, and is never served as something
// else.
func TestLongRowDamaged(t *testing.T) {
	for name, damage := range map[string]func(db *pebble.DB) error{
		"missing": func(db *pebble.DB) error { return db.Delete(layout.AppendChunk(nil, []byte("Mk"), 2), nil) },
		"short":   func(db *pebble.DB) error { return db.Set(layout.AppendChunk(nil, []byte("Mk"), 2), []byte("x"), nil) },
		"length":  func(db *pebble.DB) error { return db.Set([]byte("Mk"), []byte{0, 0xff}, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, vfs.NewMem())
			put(t, s, "Mk", string(longValue(storagetest.Rand(t), 2*longRow)))
			must(t, damage(s.mu.engine.db))
			put(t, s, "Mother", "a new view")
			flush(t, s)
			v, err := s.View(0)
			must(t, err)
			defer v.Close()
			if got, err := v.Get([]byte("Mk")); !errors.Is(err, layout.ErrCorrupt) {
				t.Errorf("Get: %d bytes, %v", len(got), err)
			}
			err = v.Scan([]byte("M"), []byte("N"), func(k, _ []byte) (bool, error) { return slices.Equal(k, []byte("Mk")), nil })
			if !errors.Is(err, layout.ErrCorrupt) {
				t.Errorf("Scan: %v", err)
			}
		})
	}
}

// TestRowsBeginWithAType: a row that could be taken for one in chunks is refused.
func TestRowsBeginWithAType(t *testing.T) {
	x, err := opened(t, vfs.NewMem()).Begin()
	must(t, err)
	defer x.Discard()
	if err := x.Set([]byte("Mk"), []byte{0, 1}); err == nil {
		t.Error("it was taken")
	}
}
