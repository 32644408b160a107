package memtable

import (
	"fmt"
	"slices"
	"testing"

	"cairn/storage/storagetest"
)

// TestDeletions deletes ranges at random, in states of which some are undone, and asks for every key in every state
// that may be read.
func TestDeletions(t *testing.T) {
	const keys = 30
	rnd := storagetest.Rand(t)
	key := func(n int) []byte { return fmt.Appendf(nil, "%02d", n) }
	for range 300 {
		var d Deletions
		var deleted [keys][]uint64 // in which states
		oldest := uint64(0)
		for seq := uint64(1); seq <= 12; seq++ {
			for range 1 + rnd.IntN(2) {
				lo, hi := rnd.IntN(keys), rnd.IntN(keys)+1
				if lo >= hi {
					continue
				}
				if d = d.with(key(lo), key(hi), seq, seq-1, oldest); rnd.IntN(5) == 0 {
					d = d.before(seq)
					for n := range deleted {
						deleted[n] = slices.DeleteFunc(deleted[n], func(s uint64) bool { return s == seq })
					}
					continue
				}
				for n := lo; n < hi; n++ {
					deleted[n] = append(deleted[n], seq)
				}
			}
			oldest += uint64(rnd.IntN(int(seq-oldest) + 1))
			for at := oldest; at <= seq; at++ {
				for n := range keys {
					want := uint64(0)
					for _, s := range deleted[n] {
						if s <= at {
							want = s
						}
					}
					end, covered := d.Covers(key(n), at)
					if got := d.Newest(key(n), at); got != want || covered != (want > 0) || covered && string(end) <= string(key(n)) {
						t.Fatalf("key %d in state %d was deleted in %d, want %d (%q, %v)", n, at, got, want, end, covered)
					}
				}
			}
		}
		last := ""
		must(t, d.EachRange(func(lo, hi []byte) error {
			if string(lo) <= last || string(lo) >= string(hi) {
				t.Errorf("[%s, %s) follows %s", lo, hi, last)
			}
			last = string(hi)
			return nil
		}))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
