package memtable

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cairn/storage/hashtable"
)

const benchRows = 100_000

// benchKeys are the Pebble keys of so many rows, in an order that says nothing.
func benchKeys() (keys [][]byte) {
	for _, n := range rand.New(rand.NewPCG(1, 2)).Perm(benchRows) {
		keys = append(keys, fmt.Appendf(nil, "M_______key:%012d", n))
	}
	return keys
}

// write writes the rows of keys in state seq as a transaction does that was told to expect them, and whose oldest
// reader is of the state before.
func write(t *Table, keys [][]byte, value []byte, seq uint64) {
	hashes, rows := make([]uint64, 0, MaxPrefetch), make([]*Row, MaxPrefetch)
	for _, k := range keys {
		hashes = append(hashes, hashtable.Hash(k))
	}
	t.Candidates(hashes, rows)
	Touch(rows)
	for i, k := range keys {
		k, v := t.Join(k, value)
		t.Set(hashes[i], t.Find(hashes[i], k), k, v, seq, seq-1)
	}
}

// BenchmarkWrite writes rows that are there over and over, 64 in a transaction. An operation is one row.
func BenchmarkWrite(b *testing.B) {
	b.Run(fmt.Sprintf("rows=%d/value=64B", benchRows), func(b *testing.B) {
		t, keys, value, seq := New(), benchKeys(), make([]byte, 64), uint64(0)
		run := func(n int) {
			seq++
			at := n % (len(keys) - MaxPrefetch)
			write(t, keys[at:at+MaxPrefetch], value, seq)
		}
		for n := 0; n < 2*len(keys); n += MaxPrefetch {
			run(n)
		}
		b.ReportAllocs()
		b.ResetTimer()
		for n := 0; n < b.N; n += MaxPrefetch {
			run(n)
		}
	})
}

// BenchmarkFill writes rows that are new, 64 in a transaction, and begins a new table when all are there. An operation
// is one row.
func BenchmarkFill(b *testing.B) {
	b.Run(fmt.Sprintf("rows=%d/value=64B", benchRows), func(b *testing.B) {
		keys, value := benchKeys(), make([]byte, 64)
		t := New()
		b.ReportAllocs()
		b.ResetTimer()
		for n := 0; n < b.N; n += MaxPrefetch {
			at := n % (len(keys) - MaxPrefetch)
			if at < MaxPrefetch {
				t = New()
			}
			write(t, keys[at:at+MaxPrefetch], value, uint64(n+1))
		}
	})
}

// BenchmarkGet looks rows up one by one, as views do.
func BenchmarkGet(b *testing.B) {
	b.Run(fmt.Sprintf("rows=%d/value=64B", benchRows), func(b *testing.B) {
		t, keys := New(), benchKeys()
		for n := 0; n+MaxPrefetch <= len(keys); n += MaxPrefetch {
			write(t, keys[n:n+MaxPrefetch], make([]byte, 64), uint64(n+1))
		}
		rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		sum := 0
		b.ResetTimer()
		for n := range b.N {
			k := keys[n%len(keys)]
			v, _ := t.Get(hashtable.Hash(k), k, 1<<60)
			for _, c := range v[:min(len(v), 1)] {
				sum += int(c)
			}
		}
	})
}
