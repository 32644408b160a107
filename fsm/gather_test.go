package fsm

import (
	"math/rand/v2"
	"testing"

	"github.com/hashicorp/raft"

	"cairn/fsm/entry"
	"cairn/storage/layout"
)

// split returns the bytes of an entry as fragments of about size bytes.
func split(id uint64, data []byte, size int) (fragments [][]byte) {
	for n := uint64(0); ; n++ {
		f := entry.Fragment{ID: id, N: n, Bytes: data[:min(size, len(data))]}
		data = data[len(f.Bytes):]
		f.Last = len(data) == 0
		fragments = append(fragments, entry.AppendFragment(nil, f))
		if f.Last {
			return fragments
		}
	}
}

// fragmented makes fragments of some entries of a log, with other entries between them; some of those are never
// completed.
func fragmented(rng *rand.Rand, logs []*raft.Log) (all []*raft.Log) {
	add := func(like *raft.Log, data []byte) {
		all = append(all, &raft.Log{Index: like.Index + uint64(len(all)), Term: like.Term, Type: like.Type, Data: data})
	}
	var rest [][]byte // of the entry that is under way
	for _, l := range logs {
		if len(rest) == 0 && rng.IntN(4) == 0 {
			rest = split(rng.Uint64(), l.Data, 1+rng.IntN(len(l.Data)))
			if rng.IntN(4) == 0 {
				lost := rng.IntN(len(rest)) // as when leadership changes
				rest = append(rest[:lost:lost], rest[lost+1:]...)
			}
			continue
		}
		add(l, l.Data)
		for range min(len(rest), rng.IntN(4)) {
			add(l, rest[0])
			rest = rest[1:]
		}
	}
	return all
}

// TestFragments: an entry in fragments runs with its last one, though a restart and other entries come between them,
// and leaves nothing else behind. One that misses a fragment, or whose fragments another one's interrupt, does not
// run.
func TestFragments(t *testing.T) {
	data := entry.Append(nil, entry.Entry{Groups: []entry.Group{{Calls: []entry.Call{
		{Argv: [][]byte{[]byte("incr"), []byte("n")}}, {Argv: [][]byte{[]byte("append"), []byte("s"), []byte("0123456789")}},
	}}}})
	a, b := split(1, data, 10), split(2, data, 15)
	lost := append(append([][]byte{}, a[:2]...), a[3:]...)
	for name, c := range map[string]struct {
		log [][]byte
		ran int // how often
	}{
		"in a row": {a, 1}, "one fragment": {split(1, data, 1000), 1}, "two": {append(append([][]byte{}, a...), b...), 2},
		"one lost": {lost, 0}, "first lost": {a[1:], 0}, "last lost": {a[:len(a)-1], 0},
		"interrupted":      {append(append(append([][]byte{}, a[:3]...), b...), a[3:]...), 1},
		"repeated":         {append(append(append([][]byte{}, a[:2]...), a[1]), a[2:]...), 1},
		"after a lost one": {append(append([][]byte{}, lost...), b...), 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ran, index := 0, uint64(0)
			apply := func(data []byte) Results {
				index++
				results, _ := w.m.Apply(&raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: data}).(Results)
				return results
			}
			for n, data := range c.log {
				if results := apply(data); len(results) == 2 {
					ran++
				} else if len(results) != 0 {
					t.Errorf("a fragment answers %v", results)
				}
				if n%2 == 0 {
					w.restart()
				}
				if r := apply(tickLog(0).Data); len(r) != 1 {
					t.Errorf("an entry between fragments answers %v", r)
				}
			}
			answer, err := w.m.Query(0, 0, []entry.Call{{Argv: [][]byte{[]byte("strlen"), []byte("s")}}})
			if err != nil || int(answer.Replies[0].Int) != 10*c.ran || ran != c.ran {
				t.Errorf("%d bytes were appended, and the calls answered %d times, want %d; %v", answer.Replies[0].Int, ran, c.ran, err)
			}
			if c.ran > 0 && name != "interrupted" {
				w.nothingLeft(t)
			}
		})
	}
}

// nothingLeft looks for pieces in the store.
func (w *world) nothingLeft(t *testing.T) {
	t.Helper()
	v, err := w.store.View(0)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if row, err := v.Get([]byte(layout.PiecesRow)); err != nil || row != nil {
		t.Errorf("the row of the pieces is %x, %v", row, err)
	}
	err = v.Scan([]byte{layout.TagPiece}, []byte{layout.TagPiece + 1}, func(k, _ []byte) (bool, error) {
		t.Errorf("piece %x is left", k)
		return true, nil
	})
	if err != nil {
		t.Error(err)
	}
}
