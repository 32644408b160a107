package keys_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// TestRandomReachesAll counts how often each key is chosen: all are, and none far too often, also when they share a
// slot.
func TestRandomReachesAll(t *testing.T) {
	const n, draws = 50, 20000
	for _, test := range []struct{ name, format string }{
		{"many slots", "key%d"},
		{"one slot", "{t}%d"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStore(t)
			s.apply(1, func(txn *storage.Txn) {
				for i := range n {
					put(t, txn, 3, fmt.Sprintf(test.format, i), 0)
				}
				put(t, txn, 2, "elsewhere", 0)
			})
			chosen := make(map[string]int)
			rng := rand.New(rand.NewPCG(1, 2))
			s.view(1, func(v *storage.View) {
				for range draws {
					key, ok, err := keys.Random(v, 3, rng.Uint64())
					if must(t, err); !ok {
						t.Fatal("no key")
					}
					chosen[string(key)]++
				}
			})
			if len(chosen) < n*9/10 {
				t.Errorf("only %d of %d keys were chosen in %d draws", len(chosen), n, draws)
			}
			for k, times := range chosen {
				if times > draws*8/n {
					t.Errorf("%q was chosen %d times of %d", k, times, draws)
				}
			}
		})
	}
}

// TestRandomWraps shows that a key before the random place is found, and an expired one never.
func TestRandomWraps(t *testing.T) {
	s := newStore(t)
	s.view(1, func(v *storage.View) {
		if key, ok, err := keys.Random(v, 0, 7); ok || err != nil {
			t.Errorf("an empty database has %q, %v", key, err)
		}
	})
	s.apply(1, func(txn *storage.Txn) {
		put(t, txn, 0, "only", 0)
		for i := range 100 {
			put(t, txn, 0, fmt.Sprint("expired", i), 50)
		}
	})
	at := uint64(layout.PositionOf([]byte("only")))
	s.view(100, func(v *storage.View) {
		for _, seed := range []uint64{0, at - 1, at, at + 1, uint64(layout.EndPosition) - 1, 1<<64 - 1} {
			if key, ok, err := keys.Random(v, 0, seed); string(key) != "only" || !ok || err != nil {
				t.Errorf("seed %d: %q, %v, %v", seed, key, ok, err)
			}
		}
	})
}
