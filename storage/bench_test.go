package storage

import (
	"bytes"
	"fmt"
	"testing"

	"cairn/storage/layout"
)

// benchKey is the Pebble key of Redis key number n; neighbouring numbers are far apart.
func benchKey(dst []byte, n int) []byte {
	return layout.AppendKey(dst, 0, fmt.Appendf(make([]byte, 0, 16), "key:%012d", n))
}

// benchStore is a store on disk with so many rows of 64 bytes, in tables if flushed is set.
func benchStore(b *testing.B, rows int, flushed bool) *Store {
	b.Helper()
	s, err := Open(b.TempDir(), Options{})
	must(b, err)
	b.Cleanup(func() { must(b, s.Close()) })
	for i := 0; i < rows; {
		x, err := s.Begin()
		must(b, err)
		for range 1000 {
			must(b, x.Set(benchKey(nil, i), bytes.Repeat([]byte{1}, 64)))
			i++
		}
		must(b, x.Commit(Applied{uint64(i), 1}))
	}
	if flushed {
		flush(b, s)
		must(b, s.mu.engine.db.Compact(b.Context(), []byte{0}, []byte{255}, false))
	}
	return s
}

// BenchmarkCommit is a transaction of batch new values, without a sync. An operation is one transaction.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{64, 1024} {
		for _, batch := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("value=%dB/batch=%d", size, batch), func(b *testing.B) {
				s := benchStore(b, 0, false)
				value, n := bytes.Repeat([]byte{1}, size), 0
				b.ReportAllocs()
				for b.Loop() {
					x, err := s.Begin()
					must(b, err)
					for range batch {
						n++
						must(b, x.Set(benchKey(make([]byte, 0, 32), n*7919%1_000_000), value))
					}
					must(b, x.Commit(Applied{uint64(n), 1}))
				}
			})
		}
	}
}

// BenchmarkUpdate is a transaction of batch reads and writes of present keys, as SET, INCR and the like do.
func BenchmarkUpdate(b *testing.B) {
	for _, batch := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("value=64B/batch=%d", batch), func(b *testing.B) {
			s := benchStore(b, 100_000, true)
			at, n := s.State().Index, 0
			b.ReportAllocs()
			for b.Loop() {
				x, err := s.Begin()
				must(b, err)
				for range batch {
					n++
					k := benchKey(make([]byte, 0, 32), n*7919%100_000)
					v, err := x.Get(k)
					must(b, err)
					must(b, x.Set(k, v))
				}
				at++
				must(b, x.Commit(Applied{at, 1}))
			}
		})
	}
}

// BenchmarkScanOwn is a transaction that scans a short range after each of its writes, as LPOP, SPOP and ZPOPMIN do.
func BenchmarkScanOwn(b *testing.B) {
	for _, batch := range []int{16, 1024} {
		b.Run(fmt.Sprintf("value=64B/batch=%d", batch), func(b *testing.B) {
			s := benchStore(b, 1000, false)
			b.ReportAllocs()
			for b.Loop() {
				x, err := s.Begin()
				must(b, err)
				for i := range batch {
					k := benchKey(make([]byte, 0, 32), i)
					must(b, x.Set(k, k))
					must(b, x.Scan(k, append(k[:len(k):len(k)], 255), func(_, _ []byte) (bool, error) { return false, nil }))
				}
				x.Discard()
			}
		})
	}
}

// BenchmarkView is opening a view, reading one key, and closing it.
func BenchmarkView(b *testing.B) {
	for _, c := range []struct {
		name    string
		flushed bool
		absent  bool
	}{{"in=memtable", false, false}, {"in=table", true, false}, {"in=nowhere", true, true}} {
		b.Run("rows=100000/"+c.name, func(b *testing.B) {
			s, n := benchStore(b, 100_000, c.flushed), 0
			b.ReportAllocs()
			for b.Loop() {
				v, err := s.View(0)
				must(b, err)
				n++
				k := n * 7919 % 100_000
				if c.absent {
					k += 100_000
				}
				got, err := v.Get(benchKey(make([]byte, 0, 32), k))
				if err != nil || (got == nil) != c.absent {
					b.Fatal(got, err)
				}
				must(b, v.Close())
			}
		})
	}
	b.Run("rows=0/only=open", func(b *testing.B) {
		s := benchStore(b, 0, false)
		b.ReportAllocs()
		for b.Loop() {
			v, err := s.View(0)
			must(b, err)
			must(b, v.Close())
		}
	})
}

// BenchmarkSnapshot compares what taking a snapshot costs with what it would cost with a sync.
func BenchmarkSnapshot(b *testing.B) {
	for _, sync := range []bool{false, true} {
		b.Run(fmt.Sprintf("sync=%v", sync), func(b *testing.B) {
			s := benchStore(b, 0, false)
			r := layout.Record{Config: make([]byte, 200)}
			for b.Loop() {
				must(b, s.SaveRecord(r))
				if sync {
					must(b, s.Sync())
				}
			}
		})
	}
}

// BenchmarkCheckpoint is a checkpoint of a store of some size, made and removed, not sent.
func BenchmarkCheckpoint(b *testing.B) {
	for _, rows := range []int{1000, 300_000} {
		b.Run(fmt.Sprintf("value=64B/rows=%d", rows), func(b *testing.B) {
			s := benchStore(b, rows, true)
			for b.Loop() {
				c, err := s.Checkpoint()
				must(b, err)
				must(b, c.Close())
			}
		})
	}
}
