package storage

import (
	"bytes"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
	"cairn/storage/storagetest"
)

// TestExpect: what a transaction finds at a place is what is there, whatever it was told to expect: more or fewer
// keys, another order, and rows, databases and flushes that change after Fetch.
func TestExpect(t *testing.T) {
	t.Run("rows in memory", func(t *testing.T) { testExpect(t, unhurried(t, vfs.NewMem())) })
	t.Run("cold rows", func(t *testing.T) {
		processors(t, 4)
		testExpect(t, uncached(t))
	})
}

// uncached is a store whose rows are in Pebble and nowhere else once they are flushed.
func uncached(t *testing.T) *Store {
	o := small(vfs.NewMem())
	o.BufferBytes, o.FlushInterval, o.RowCacheBytes = 1<<30, 1000*time.Hour, 1 // too little for any row
	s, err := Open("db", o)
	must(t, err)
	return s
}

// processors gives Go n of them for the test.
func processors(t *testing.T, n int) {
	was := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(was) })
}

func testExpect(t *testing.T, s *Store) {
	rnd, want := storagetest.Rand(t), map[string]string{}
	key := func() []byte { return fmt.Append(nil, "k", rnd.IntN(300)) } // the even ones are those of parts
	for index := range uint64(300) {
		x, err := s.Begin()
		must(t, err)
		for range 1 + rnd.IntN(3) {
			var keys [][]byte
			kinds, last := map[bool]int{}, map[bool]string{}
			for more := rnd.IntN(8) > 0; more && rnd.IntN(70) > 0; {
				k := key()
				db := uint8(rnd.IntN(2))
				more = expectRow(x, db, k)
				keys = append(keys, k)
				if id := fmt.Sprint(db, string(k)); isPart(k) || last[isPart(k)] != id { // a key twice running is expected as one
					kinds[isPart(k)]++
					last[isPart(k)] = id
				}
				if kinds[isPart(k)] > maxExpected {
					t.Fatalf("%d rows of a kind are expected", kinds[isPart(k)])
				}
			}
			x.Fetch()
			for range rnd.IntN(40) {
				if rnd.IntN(20) == 0 {
					x.SwapDatabases(0, 1)
				}
				if rnd.IntN(300) == 0 {
					space := x.Database(uint8(rnd.IntN(2))).Keyspace
					rows, parts := layout.KeyspaceBounds(space)
					must(t, x.DeleteRange(rows[0], rows[1]))
					must(t, x.DeleteRange(parts[0], parts[1]))
					maps.DeleteFunc(want, func(id, _ string) bool { return strings.HasPrefix(id, fmt.Sprintf("%d ", space)) })
				}
				db, k := uint8(rnd.IntN(2)), key()
				if len(keys) > 0 && rnd.IntN(4) > 0 {
					k, keys = keys[0], keys[1:]
				}
				id := fmt.Sprintf("%d %s", x.Database(db).Keyspace, k)
				var p Locator
				if rnd.IntN(4) == 0 {
					got, err := x.Peek(db, k)
					if v, there := want[id]; got != nil && (!there || !bytes.HasSuffix(got, []byte(v))) || err != nil {
						t.Fatalf("a peek at %s gives %q, %v, want %q (%v)", id, got, err, v, there)
					}
				}
				got, err := findRow(x, &p, db, k)
				must(t, err)
				if v, there := want[id]; there != (got != nil) || string(got) != v {
					t.Fatalf("%s is %q, want %q (%v)", id, got, v, there)
				}
				for range rnd.IntN(3) { // the place is good for more than one write
					if rnd.IntN(4) == 0 {
						x.DeleteRow(&p)
						delete(want, id)
						continue
					}
					want[id] = fmt.Sprint(rnd.Uint64())
					if rnd.IntN(3000) == 0 {
						want[id] += strings.Repeat("x", rnd.IntN(2*longRow))
					}
					must(t, setRowAt(x, &p, []byte(want[id])))
				}
			}
		}
		must(t, x.Commit(Applied{index + 1, 1}))
		if rnd.IntN(30) == 0 {
			must(t, s.Sync())
		}
	}
	must(t, s.Close())
}

// isPart says whether the row of a key of testExpect is a part's.
func isPart(key []byte) bool { return (key[len(key)-1]-'0')%2 == 0 }

// partsID is the id of the collection of all parts.
const partsID = 7

func expectRow(x *Txn, db uint8, key []byte) (more bool) {
	if isPart(key) {
		return x.ExpectPart(db, partsID, key)
	}
	return x.Expect(db, key)
}

func findRow(x *Txn, p *Locator, db uint8, key []byte) (value []byte, err error) {
	if isPart(key) {
		return x.FindPart(p, db, partsID, key)
	}
	row, err := x.Find(p, db, key)
	if row != nil {
		row = row[layout.RowSize(layout.Row{}):]
	}
	return row, err
}

func setRowAt(x *Txn, p *Locator, value []byte) error {
	if p.pkey[0] == layout.TagPart {
		x.SetPart(p, value)
		return nil
	}
	return x.SetRow(p, layout.Row{Type: layout.String, Payload: value})
}

// TestAskedAhead: of the rows that are expected, those which memory does not have are there after Fetch, but not
// those in parts, nor more than it is to hold. They are counted once.
func TestAskedAhead(t *testing.T) {
	processors(t, 2)
	s := uncached(t)
	key := func(i int) []byte { return fmt.Append(nil, "k", i) }
	value := func(i int) []byte {
		if i%10 == 0 {
			return bytes.Repeat([]byte{'a'}, longRow/30*i) // the last in parts
		}
		return key(i)
	}
	update := func(fn func(x *Txn)) {
		x, err := s.Begin()
		must(t, err)
		fn(x)
		must(t, x.Commit(Applied{x.state.Index + 1, 1}))
	}
	const there = 50
	update(func(x *Txn) {
		for i := range there {
			must(t, x.Set(layout.AppendKey(nil, 0, key(i)), layout.AppendRow(nil, layout.Row{Type: layout.String, Payload: value(i)})))
		}
	})
	flush(t, s)
	for _, n := range []int{2*fewCold - 1, maxExpected} {
		update(func(x *Txn) {
			for i := range n {
				x.Expect(0, key(i))
			}
			x.Fetch()
			ahead, long := 0, 0
			for _, p := range x.e.ahead.keys.locators[:n] {
				if p.asked {
					ahead++
				}
			}
			for i := range n {
				var p Locator
				row, err := x.Find(&p, 0, key(i))
				must(t, err)
				if want := value(i); (row != nil) != (i < there) || row != nil && !bytes.HasSuffix(row, want) {
					t.Errorf("row %d has %d bytes, want those of %d", i, len(row), len(want))
				} else if len(row) >= longRow {
					long++
				}
			}
			if want := n - long; n < 2*fewCold && ahead != 0 || n >= 2*fewCold && ahead != want {
				t.Errorf("of %d rows %d were asked for ahead, want %d", n, ahead, want)
			}
			if asked := x.on.bufs[0].Asked(); asked != int64(n) {
				t.Errorf("%d rows are counted as asked for, want %d", asked, n)
			}
			x.on.bufs[0].CountAsked(-n)
		})
	}
	update(func(x *Txn) {
		for i := range maxExpected {
			must(t, x.Set(layout.AppendKey(nil, 0, key(i)), layout.AppendRow(nil, layout.Row{Type: layout.String, Payload: make([]byte, 2*maxReadAhead/maxExpected)})))
		}
	})
	flush(t, s)
	update(func(x *Txn) {
		for i := range maxExpected {
			x.Expect(0, key(i))
		}
		x.Fetch()
		ahead := 0
		for _, p := range x.e.ahead.keys.locators {
			ahead += len(p.below)
		}
		if ahead < maxReadAhead || ahead > maxReadAhead*5/4 {
			t.Errorf("%d bytes wait, want some %d", ahead, maxReadAhead)
		}
	})
	must(t, s.Close())
}

// TestAskedAheadBehindDeletedRange: a row of Pebble whose range was deleted since, in a memtable that is being
// flushed, is not there for who asks ahead.
func TestAskedAheadBehindDeletedRange(t *testing.T) {
	processors(t, 2)
	s := uncached(t)
	key := func(i int) []byte { return fmt.Append(nil, "k", i) }
	for i := range maxExpected {
		put(t, s, string(layout.AppendKey(nil, 0, key(i))), "value")
	}
	flush(t, s)
	x, err := s.Begin()
	must(t, err)
	rows, _ := layout.KeyspaceBounds(0)
	must(t, x.DeleteRange(rows[0], rows[1]))
	must(t, x.Commit(Applied{x.state.Index + 1, 1}))
	_, err = s.mu.engine.seal() // by a flush that does not end
	must(t, err)
	x, err = s.Begin()
	must(t, err)
	for i := range maxExpected {
		x.Expect(0, key(i))
	}
	x.Fetch()
	for i := range maxExpected {
		var p Locator
		if row, err := x.Find(&p, 0, key(i)); row != nil || err != nil {
			t.Fatalf("row %d is %q, %v", i, row, err)
		}
	}
	x.Discard()
	must(t, s.Close())
}

// TestPeekFar: a key is peeked at however many expected ones are passed over, and is found afterwards.
func TestPeekFar(t *testing.T) {
	s := unhurried(t, vfs.NewMem())
	x, err := s.Begin()
	must(t, err)
	defer x.Discard()
	must(t, x.Set(layout.AppendKey(nil, 0, []byte("k40")), []byte("row")))
	for i := range 50 {
		x.Expect(0, fmt.Append(nil, "k", i))
	}
	x.Fetch()
	if row, err := x.Peek(0, []byte("k40")); string(row) != "row" || err != nil {
		t.Errorf("peeked at %q, %v", row, err)
	}
	var p Locator
	if row, err := x.Find(&p, 0, []byte("k40")); string(row) != "row" || err != nil {
		t.Errorf("found %q, %v", row, err)
	}
}
