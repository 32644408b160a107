package fsm

import (
	"fmt"
	"strings"
	"testing"

	"cairn/fsm/entry"
)

// TestPartsLookedAhead: the parts of large collections that the next calls name are fetched before the first one runs.
func TestPartsLookedAhead(t *testing.T) {
	w := newWorld(t)
	hset, sadd := []string{"hset", "h"}, []string{"sadd", "s"}
	for i := range 300 {
		hset, sadd = append(hset, fmt.Sprint("f", i), "v"), append(sadd, fmt.Sprint("m", i))
	}
	w.do(hset...)
	w.do(sadd...)
	w.do(append([]string{"sadd", "s2"}, sadd[2:]...)...)
	w.do("hset", "small", "f", "v")
	for line, want := range map[string]int{
		"hset h f1 a f2 b; hset h new c; hset small f w; set k v": 3,
		"hdel h f1 f2; hget h f3; hincrby h n 1":                  3,
		"sadd s m1 m2 x; srem s m3; sadd none m1; hset h f9 v":    5,
		"smove s s2 m5; sadd s m6; smove s s2 m7; smove s none q": 6,
		"spop s; sunionstore d s s2; hgetall h":                   0,
	} {
		var calls []entry.Call
		for call := range strings.SplitSeq(line, "; ") {
			var c entry.Call
			for _, word := range strings.Fields(call) {
				c.Argv = append(c.Argv, []byte(word))
			}
			calls = append(calls, c)
		}
		txn, err := w.store.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if specs, err := w.m.lookAhead(txn, calls); err != nil || len(specs) != len(calls) {
			t.Errorf("%s: %d calls are looked at, %v", line, len(specs), err)
		}
		if got := txn.ExpectedParts(); got != want {
			t.Errorf("%s: %d parts are fetched, want %d", line, got, want)
		}
		txn.Discard()
	}
}
