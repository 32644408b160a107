package memtable

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"cairn/storage/hashtable"
	"cairn/storage/storagetest"
)

// hashes are ways to hash a key, from a good one to one that says nothing.
func hashes() map[string]func(pkey []byte) uint64 {
	return map[string]func([]byte) uint64{
		"hash=good":      hashtable.Hash,
		"hash=few":       func(pkey []byte) uint64 { return hashtable.Hash(pkey) & (7 << 32) },
		"hash=neighbour": func(pkey []byte) uint64 { return (hashtable.Hash(pkey)&3 + hashtable.MinBuckets - 2) << 32 }, // its buckets go round the end
		"hash=one":       func([]byte) uint64 { return 5 << 32 },
	}
}

// TestHashIndex adds and changes rows at random and compares with a map, through growth and whatever the hashes are.
func TestHashIndex(t *testing.T) {
	for name, hash := range hashes() {
		t.Run(name, func(t *testing.T) {
			rnd, table, want := storagetest.Rand(t), &hashIndex{}, map[string]string{}
			for i := range 5000 {
				k := fmt.Appendf(nil, "M%d", rnd.IntN(600))
				r, v := table.findRow(hash(k), k), fmt.Sprint(i)
				if old, there := want[string(k)]; there != (r != nil) || there && string(r.value()) != old {
					t.Fatalf("%s is %v, want %q (%v)", k, r, old, there)
				}
				switch {
				case r == nil:
					r = table.addRow(hash(k))
					if *r != (Row{}) {
						t.Fatalf("a new row is %v", r)
					}
					r.fill(k, []byte(v), 1)
					want[string(k)] = v
				default:
					r.setValue([]byte(v))
					want[string(k)] = v
				}
				if table.n != len(want) {
					t.Fatalf("%d rows, want %d", table.n, len(want))
				}
			}
			got := map[string]string{}
			table.eachRow(func(r *Row) { got[string(r.Key())] = string(r.value()) })
			if !maps.Equal(got, want) {
				t.Errorf("all rows are %v, want %v", got, want)
			}
			if taken := 2 * table.n; taken > len(table.buckets) {
				t.Errorf("%d of %d buckets are taken", table.n, len(table.buckets))
			}
		})
	}
}

// TestRowsStay: a row that was found stays where it is while the table grows.
func TestRowsStay(t *testing.T) {
	table, found := &hashIndex{}, []*Row{}
	for i := range 1000 {
		k := fmt.Append(nil, i)
		r := table.addRow(hashtable.Hash(k))
		r.setKey(k)
		found = append(found, r)
	}
	for i, r := range found {
		k := fmt.Append(nil, i)
		if now := table.findRow(hashtable.Hash(k), k); now != r {
			t.Errorf("row %d was at %p and is at %p", i, r, now)
		}
		if c := table.candidate(hashtable.Hash(k)); c != r {
			t.Errorf("row %d is looked for at %p", i, c)
		}
	}
}

// TestJoin: the parts of a block do not grow into each other, and an absent row stays one.
func TestJoin(t *testing.T) {
	long := bytes.Repeat([]byte{1}, maxJoined+1)
	for _, value := range [][]byte{nil, {}, []byte("value"), long} {
		pkey := []byte("Mk")
		k, v := New().Join(pkey, value)
		pkey[1] = 'x'
		_ = append(k, "+"...)
		if string(k) != "Mk" || !bytes.Equal(v, value) || (v == nil) != (value == nil) {
			t.Errorf("%q, %d bytes (%v), want %d (%v)", k, len(v), v == nil, len(value), value == nil)
		}
	}
}

// TestReaders: one transaction after the other writes a table while others read it, each a state that is published;
// they see it whole. Of the writer nobody sees what it has not published.
func TestReaders(t *testing.T) {
	const rows, states = 200, 300
	b, key := New(), func(n int) []byte { return fmt.Appendf(nil, "M%d", n) }
	var mu sync.Mutex
	published, held := uint64(0), map[uint64]int{}
	hold := func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		held[published]++
		return published
	}
	release := func(seq uint64) {
		mu.Lock()
		defer mu.Unlock()
		if held[seq]--; held[seq] == 0 {
			delete(held, seq)
		}
	}
	oldest := func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		return slices.Min(append(slices.Collect(maps.Keys(held)), published))
	}
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for seq := uint64(0); seq < states; {
				seq = hold()
				for n := range rows {
					v, known := b.Get(hashtable.Hash(key(n)), key(n), seq)
					if want := seq - (seq+uint64(n))%3; seq > 3 && (!known || string(v) != fmt.Sprint(want)) {
						t.Errorf("row %d in state %d is %q, %v, want %d", n, seq, v, known, want)
						seq = states
						break
					}
				}
				release(seq)
			}
		})
	}
	for seq := uint64(1); seq <= states; seq++ {
		from := oldest()
		for n := range rows {
			if (seq+uint64(n))%3 == 0 { // each row changes in every third state
				k, v := b.Join(key(n), fmt.Append(nil, seq))
				b.Set(hashtable.Hash(k), nil, k, v, seq, from)
			}
		}
		mu.Lock()
		published = seq
		mu.Unlock()
	}
	readers.Wait()
}
