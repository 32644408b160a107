package raftlog

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// BenchmarkStoreLogs appends batches and compacts as Raft does with a snapshot every ten entries. fs=disk fsyncs.
func BenchmarkStoreLogs(b *testing.B) {
	for _, fs := range []string{"disk", "mem"} {
		for _, c := range []struct{ value, batch int }{{64, 1}, {64, 16}, {1024, 16}, {64 << 10, 1}, {512 << 10, 1}} {
			b.Run(fmt.Sprintf("fs=%s/value=%dB/batch=%d", fs, c.value, c.batch), func(b *testing.B) {
				s := benchOpen(b, fs, Options{})
				logs := make([]*raft.Log, c.batch)
				for i := range logs {
					logs[i] = &raft.Log{Term: 1, Data: bytes.Repeat([]byte("x"), c.value)}
				}
				b.SetBytes(int64(c.batch * c.value))
				b.ReportAllocs()
				next := uint64(1)
				for b.Loop() {
					for _, log := range logs {
						log.Index = next
						next++
					}
					if err := s.StoreLogs(logs); err != nil {
						b.Fatal(err)
					}
					if next%10 == 0 && next > 10240 {
						if err := s.DeleteRange(1, next-10240); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}

// BenchmarkGetLog reads entries one after another, as replication and apply do.
func BenchmarkGetLog(b *testing.B) {
	for _, from := range []string{"cache", "memtable", "table"} {
		for _, value := range []int{64, 4 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("from=%s/value=%dB", from, value), func(b *testing.B) {
				o := Options{CacheBytes: 64 << 20}
				if from != "cache" {
					o = noCache(o)
				}
				s := benchOpen(b, "mem", o)
				for i := uint64(1); i <= 500; i++ {
					if err := s.StoreLog(&raft.Log{Index: i, Data: bytes.Repeat([]byte("x"), value)}); err != nil {
						b.Fatal(err)
					}
				}
				if from == "table" {
					if err := s.db.Flush(); err != nil {
						b.Fatal(err)
					}
				}
				b.SetBytes(int64(value))
				b.ReportAllocs()
				var log raft.Log
				for i := uint64(0); b.Loop(); i++ {
					if err := s.GetLog(i%500+1, &log); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkCompact is the compaction after every tenth entry, the appends not measured.
func BenchmarkCompact(b *testing.B) {
	for _, every := range []uint64{1, 1024} {
		b.Run(fmt.Sprintf("truncate-every=%d", every), func(b *testing.B) {
			s := benchOpen(b, "mem", Options{TruncateEvery: every})
			last := uint64(0)
			for i := uint64(1); b.Loop(); i += 10 {
				if i+10 >= last {
					b.StopTimer()
					mustStore(b, s, last+1, last+10_000, 1)
					last += 10_000
					b.StartTimer()
				}
				if err := s.DeleteRange(i, i+9); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchOpen(b *testing.B, fs string, o Options) *Store {
	b.Helper()
	dir := "log"
	if o.FS = vfs.NewMem(); fs == "disk" {
		o.FS, dir = vfs.Default, b.TempDir()
	}
	s, err := Open(dir, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}
