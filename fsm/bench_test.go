package fsm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hashicorp/raft"

	"cairn/fsm/entry"
	"cairn/storage"
)

// BenchmarkApply applies SETs of random keys, 64 bytes each, 200 calls an entry, to a store on disk that has all of
// the keys: with answers, as a leader does, and without, as its followers. An operation is one call; what is flushed
// meanwhile is part of it.
func BenchmarkApply(b *testing.B) {
	const calls, keys = 200, 100_000
	for _, answers := range []string{"yes", "no"} {
		b.Run(fmt.Sprintf("command=set/value=64B/keys=%d/calls=%d/answers=%s", keys, calls, answers), func(b *testing.B) {
			s, err := storage.Open(b.TempDir(), storage.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			m := New(Options{Store: s})
			entries, logs := setEntries(keys, calls), make([]*raft.Log, 1)
			index := uint64(0)
			apply := func() {
				logs[0] = &raft.Log{Index: index + 1, Term: 1, Type: raft.LogCommand, Data: entries[index%uint64(len(entries))]}
				index++
				if answers == "no" {
					m.Replay(logs)
				} else if r := m.ApplyBatch(logs)[0].(Results); len(r) != calls {
					b.Fatal(r)
				}
			}
			for range entries {
				apply()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += calls {
				apply()
			}
		})
	}
}

// setEntries returns entries that set each of so many keys once, in an order of its own each time it comes to the end.
func setEntries(keys, calls int) (entries [][]byte) {
	rng := rand.New(rand.NewPCG(1, 2))
	value := bytes.Repeat([]byte{'v'}, 64)
	for range 4 {
		order := rng.Perm(keys)
		for ; len(order) > 0; order = order[calls:] {
			g := entry.Group{}
			for _, n := range order[:calls] {
				key := fmt.Appendf(nil, "key:%012d", n)
				g.Calls = append(g.Calls, entry.Call{Argv: [][]byte{[]byte("set"), key, value}})
			}
			entries = append(entries, entry.Append(nil, entry.Entry{Time: 1_700_000_000_000, Groups: []entry.Group{g}}))
		}
	}
	return entries
}
