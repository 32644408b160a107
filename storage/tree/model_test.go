package tree_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/storagetest"
	"cairn/storage/tree"
	"cairn/storage/typetest"
)

// head stands for what a collection keeps before its tree.
const head = "h"

var treeKey = []byte("k")

// change runs fn on the tree of the key in a transaction and saves it.
func change(t testing.TB, txn *storage.Txn, ordered bool, fn func(e *tree.Edit)) {
	t.Helper()
	h, err := keys.Open(txn, 0, treeKey)
	typetest.Must(t, err)
	row := layout.Row{Type: layout.List, Version: 1}
	var root []byte
	if h.Live {
		row, root = h.Row, h.Row.Payload[len(head):]
	}
	open := tree.Open
	if ordered {
		open = tree.OpenOrdered
	}
	e, err := open(txn, &h, root)
	typetest.Must(t, err)
	fn(e)
	if e.Entries() == 0 {
		e.Clear()
		_, err := h.Remove()
		typetest.Must(t, err)
		return
	}
	e.Place(&row)
	typetest.Must(t, e.Write(row, []byte(head)))
}

// read runs fn on the tree of the key.
func read(t testing.TB, r storage.Reader, fn func(tr *tree.Tree)) {
	t.Helper()
	row, ok, err := keys.Lookup(r, 0, treeKey)
	typetest.Must(t, err)
	var root []byte
	if ok {
		root = row.Payload[len(head):]
	}
	tr, err := tree.Read(r, 0, row, root)
	typetest.Must(t, err)
	fn(&tr)
}

type reader interface {
	Entries() uint64
	Rank(key []byte) (uint64, bool, error)
	Walk(rank uint64, fn func([]byte) (bool, error)) error
	WalkBack(rank uint64, fn func([]byte) (bool, error)) error
}

// check compares a tree with what it should be.
func check(t testing.TB, tr reader, want []string, ordered bool, rnd *rand.Rand) {
	t.Helper()
	if n := tr.Entries(); n != uint64(len(want)) {
		t.Fatalf("%d entries, want %d", n, len(want))
	}
	var got []string
	take := func(e []byte) (bool, error) { got = append(got, string(e)); return true, nil }
	typetest.Must(t, tr.Walk(0, take))
	if !slices.Equal(got, want) {
		t.Fatalf("entries %q\nwant %q", got, want)
	}
	for range 10 {
		got = nil
		rank := rnd.IntN(len(want) + 2)
		typetest.Must(t, tr.Walk(uint64(rank), take))
		if behind := want[min(rank, len(want)):]; !slices.Equal(got, behind) {
			t.Fatalf("from %d on: %q\nwant %q", rank, got, behind)
		}
		got = nil
		typetest.Must(t, tr.WalkBack(uint64(rank), take))
		before := slices.Clone(want[:min(rank+1, len(want))])
		slices.Reverse(before)
		if !slices.Equal(got, before) {
			t.Fatalf("from %d back: %q\nwant %q", rank, got, before)
		}
	}
	for i := 0; ordered && i < 10 && len(want) > 0; i++ {
		key := want[rnd.IntN(len(want))]
		switch rnd.IntN(3) {
		case 0:
			key += "\x00"
		case 1:
			key = key[:rnd.IntN(len(key)+1)]
		}
		rank, found, err := tr.Rank([]byte(key))
		typetest.Must(t, err)
		if at, is := slices.BinarySearch(want, key); uint64(at) != rank || is != found {
			t.Fatalf("%q has rank %d (%v), want %d (%v)", key, rank, found, at, is)
		}
	}
}

// texts are what entries are made of: many alike at the front, short and long ones, some that fill a leaf.
func text(rnd *rand.Rand) string {
	front := []string{"", "", "", strings.Repeat("a", 20), strings.Repeat("a", 300), strings.Repeat("a", 300) + "b", strings.Repeat("a", 301)}[rnd.IntN(7)]
	back := ""
	if rnd.IntN(60) == 0 {
		back = strings.Repeat("z", rnd.IntN(6000))
	}
	return fmt.Sprint(front, rnd.IntN(3000), back)
}

// TestModel does all that can be done to a tree, from nothing to many levels and back, with restarts in between, and
// compares with a slice. Each change is looked at before it is saved and after.
func TestModel(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprint("ordered=", ordered), func(t *testing.T) {
			rnd := storagetest.Rand(t)
			s, want := typetest.New(t), []string(nil)
			most := 0
			for round := range 120 {
				grow := round/20%2 == 0
				s.Apply(func(txn *storage.Txn) {
					for range 1 + rnd.IntN(3) {
						change(t, txn, ordered, func(e *tree.Edit) {
							for range 1 + rnd.IntN(120) {
								want = step(t, e, want, ordered, grow, rnd)
							}
							check(t, e, want, ordered, rnd)
						})
					}
				})
				s.View(func(v *storage.View) {
					read(t, v, func(tr *tree.Tree) { check(t, tr, want, ordered, rnd) })
					if n := typetest.PartRows(t, v); n > len(want)+1 {
						t.Fatalf("%d nodes for %d entries", n, len(want))
					}
				})
				if most = max(most, len(want)); rnd.IntN(20) == 0 {
					s.Restart()
				}
			}
			if most < 1000 {
				t.Fatalf("it never had more than %d entries", most)
			}
		})
	}
}

func step(t testing.TB, e *tree.Edit, want []string, ordered, grow bool, rnd *rand.Rand) []string {
	t.Helper()
	n := rnd.IntN(100)
	switch {
	case grow && n < 85 || !grow && n < 30:
		entry := text(rnd)
		if ordered {
			added, err := e.Add([]byte(entry))
			typetest.Must(t, err)
			at, found := slices.BinarySearch(want, entry)
			if added == found {
				t.Fatalf("putting %q: %v, and it was there: %v", entry, added, found)
			}
			if added {
				want = slices.Insert(want, at, entry)
			}
			return want
		}
		at := []int{0, len(want), rnd.IntN(len(want) + 1)}[rnd.IntN(3)]
		typetest.Must(t, e.Insert(uint64(at), []byte(entry)))
		return slices.Insert(want, at, entry)
	case n < 95 && ordered:
		entry := text(rnd)
		if len(want) > 0 && rnd.IntN(8) > 0 {
			entry = want[rnd.IntN(len(want))]
		}
		was, err := e.Delete([]byte(entry))
		typetest.Must(t, err)
		at, found := slices.BinarySearch(want, entry)
		if was != found {
			t.Fatalf("removing %q: %v, want %v", entry, was, found)
		}
		if found {
			want = slices.Delete(want, at, at+1)
		}
		return want
	default:
		most := 2
		if !grow {
			most = []int{2, 2, 2, 2, 2, 2, 300}[rnd.IntN(7)]
		}
		from := []int{0, max(len(want)-most, 0), rnd.IntN(len(want) + 1)}[rnd.IntN(3)]
		to := min(from+rnd.IntN(most+1), len(want))
		typetest.Must(t, e.RemoveRange(uint64(from), uint64(to)))
		return slices.Delete(want, from, to)
	}
}

// TestEnds fills a tree from an end: its leaves are full, whichever end.
func TestEnds(t *testing.T) {
	for _, front := range []bool{false, true} {
		for _, ordered := range []bool{false, true} {
			s := typetest.New(t)
			const entries = 20_000
			for from := 0; from < entries; from += 100 {
				s.Apply(func(txn *storage.Txn) {
					change(t, txn, ordered, func(e *tree.Edit) {
						for i := from; i < from+100; i++ {
							n, rank := i, uint64(i)
							if front {
								n, rank = entries-i, 0
							}
							entry := fmt.Appendf(nil, "%08d", n)
							if ordered {
								_, err := e.Add(entry)
								typetest.Must(t, err)
							} else {
								typetest.Must(t, e.Insert(rank, entry))
							}
						}
					})
				})
			}
			s.View(func(v *storage.View) {
				read(t, v, func(tr *tree.Tree) {
					if n := tr.Entries(); n != entries {
						t.Fatalf("%d entries", n)
					}
					for _, rank := range []uint64{0, 1, 127, 128, 9999, entries - 1} {
						want := fmt.Appendf(nil, "%08d", rank)
						if front {
							want = fmt.Appendf(nil, "%08d", rank+1)
						}
						typetest.Must(t, tr.Walk(rank, func(e []byte) (bool, error) {
							if !bytes.Equal(e, want) {
								t.Errorf("front %v, ordered %v: %d is %s, want %s", front, ordered, rank, e, want)
							}
							return false, nil
						}))
					}
				})
				if n := typetest.PartRows(t, v); n > entries*9/tree.MaxLeaf*11/10 {
					t.Errorf("front %v, ordered %v: %d nodes", front, ordered, n)
				}
			})
		}
	}
}
