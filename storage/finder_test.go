package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"cairn/storage/storagetest"

	"github.com/cockroachdb/pebble/v2"
)

// TestParts: rows are found in whichever part of the keys they are, and so are gaps between them.
func TestParts(t *testing.T) {
	s := uncached(t)
	const rows = 12_000
	key := func(i int) []byte { return fmt.Appendf(nil, "Mk%06d", i) }
	rnd := storagetest.Rand(t)
	for i := 0; i < rows; {
		x, err := s.Begin()
		must(t, err)
		for range 1000 {
			value := make([]byte, 1000) // as Pebble makes tables of some MiB
			for at := 0; at < len(value); at += 8 {
				binary.BigEndian.PutUint64(value[at:], rnd.Uint64())
			}
			must(t, x.Set(key(2*i), append(key(i), value...)))
			i++
		}
		must(t, x.Commit(Applied{uint64(i), 1}))
	}
	flush(t, s)
	e := s.mu.engine
	must(t, e.db.Compact(t.Context(), []byte{0}, []byte{255}, false))
	bounds, err := e.parts()
	must(t, err)
	if len(bounds) < 2 {
		t.Fatalf("the keys have %d parts", len(bounds)+1)
	}
	v, err := s.View(0)
	must(t, err)
	look := func(i int) {
		row, err := v.Get(key(i))
		must(t, err)
		if i%2 == 0 && i < 2*rows && !bytes.HasPrefix(row, key(i/2)) || (i%2 != 0 || i >= 2*rows) && row != nil {
			t.Fatalf("key %d has %.10q", i, row)
		}
	}
	for range 5000 {
		look(rnd.IntN(2*rows + 10))
	}
	for _, b := range bounds {
		var i int
		if _, err := fmt.Sscanf(string(b), "Mk%d", &i); err != nil {
			t.Fatal(string(b), err)
		}
		for near := range 5 {
			look(max(i-2+near, 0))
		}
	}
	kept := 0
	for _, part := range v.state.base.finders.idle {
		kept += len(part)
	}
	if kept != len(bounds)+1 {
		t.Errorf("%d iterators are kept for %d parts", kept, len(bounds)+1)
	}
	must(t, v.Close())
	must(t, s.Close())
}

// TestFinderOfBefore: a finder that comes back when others were made, of other parts, is not kept.
func TestFinderOfBefore(t *testing.T) {
	s := uncached(t)
	v, err := s.View(0)
	must(t, err)
	b := v.state.base
	f, err := b.takeFinder([]byte("Ma"))
	must(t, err)
	b.closeIdle()
	look, err := b.takeFinder([]byte("Ma"))
	must(t, err)
	f.part = len(b.finders.idle) // there were more
	must(t, b.returnFinder(f))
	must(t, b.returnFinder(look))
	if n := len(b.finders.idle[0]); n != 1 {
		t.Errorf("%d iterators are kept, want 1", n)
	}
	must(t, v.Close())
	must(t, s.Close())
}

// TestFindersAfterFlush: once Pebble has made tables of its memtables, no look-up goes through those, and nothing
// keeps them in memory.
func TestFindersAfterFlush(t *testing.T) {
	s := uncached(t)
	e, views := s.mu.engine, [2]*View{}
	look := func(v *View) {
		row, err := v.state.base.getRow([]byte("Ma"))
		if err != nil || string(row) != "1" {
			t.Fatalf("%q, %v", row, err)
		}
	}
	for i := range views {
		put(t, s, "Ma", "1")
		must(t, e.flush(pebble.NoSync, nil))
		v, err := s.View(0)
		must(t, err)
		look(v)
		must(t, e.db.Flush())
		views[i] = v
	}
	if n := e.db.Metrics().MemTable.ZombieCount; n < 2 {
		t.Fatalf("%d memtables are in use, so this shows nothing", n)
	}
	for _, v := range views {
		look(v)
	}
	if n := e.db.Metrics().MemTable.ZombieCount; n > 1 { // one waits to be used again
		t.Errorf("%d memtables are in use", n)
	}
	for _, v := range views {
		must(t, v.Close())
	}
	must(t, s.Close())
}
