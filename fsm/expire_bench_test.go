package fsm

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"cairn/fsm/entry"
	"cairn/storage"
)

// BenchmarkNextExpiry looks for the next key to expire where many expired ones have just been removed: Pebble still
// holds their tombstones.
func BenchmarkNextExpiry(b *testing.B) {
	s, err := storage.Open("/state", storage.Options{FS: vfs.NewMem()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	m := New(Options{Store: s})
	index, now := uint64(0), int64(1000)
	apply := func(calls ...[]string) Results {
		index++
		g := entry.Group{}
		for _, words := range calls {
			c := entry.Call{}
			for _, w := range words {
				c.Argv = append(c.Argv, []byte(w))
			}
			g.Calls = append(g.Calls, c)
		}
		r, _ := m.Apply(&raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: entry.Append(nil, entry.Entry{
			Time: now, Groups: []entry.Group{g},
		})}).(Results)
		return r
	}
	const keys = 100_000
	for i := 0; i < keys; i += 1000 {
		var calls [][]string
		for j := range 1000 {
			calls = append(calls, []string{"set", fmt.Sprint("key:", i+j), "v", "px", fmt.Sprint(1000 + i + j)})
		}
		apply(calls...)
	}
	apply([]string{"set", "last", "v", "ex", "100000"})
	now += 2 * keys
	swept, start := 0, time.Now()
	for {
		n := int(apply([]string{"cairn.sweep", "512"})[0].Int)
		if swept += n; n < 512 {
			break
		}
	}
	b.Logf("%d keys swept in %v", swept, time.Since(start))
	for name, after := range map[string]int64{"after=0": 0, "after=swept": now} {
		b.Run("keys=100000/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, ok, err := m.NextExpiry(after); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
