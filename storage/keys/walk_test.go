package keys_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// twins are equal in slot and hash, in place of each other too: see collisions.
var twins = [2]string{"775bdf38f3", "bba1733fd4"}

// collisions returns 2^bits keys of one position. A CRC depends on the difference of two texts alone, wherever it
// stands.
func collisions(t testing.TB, bits int) []string {
	t.Helper()
	group := []string{"{t}"}
	for range bits {
		var longer []string
		for _, k := range group {
			longer = append(longer, k+twins[0], k+twins[1])
		}
		group = longer
	}
	for _, k := range group {
		if layout.PositionOf([]byte(k)) != layout.PositionOf([]byte(group[0])) {
			t.Fatalf("%q and %q have different positions", k, group[0])
		}
	}
	return group
}

// page returns the keys of one page and where the next begins.
func page(t testing.TB, r storage.Reader, db uint8, from layout.Position, limit int) ([]string, layout.Position) {
	t.Helper()
	var found []string
	next, err := keys.Page(r, db, from, layout.EndPosition, limit, func(key []byte, _ layout.Row) bool {
		found = append(found, string(key))
		return true
	})
	if must(t, err); next <= from && next != layout.EndPosition {
		t.Fatalf("the page at %d is followed by one at %d", from, next)
	}
	return found, next
}

// TestPageWhileKeysChange iterates while other keys come and go: a key that stays is found exactly once.
func TestPageWhileKeysChange(t *testing.T) {
	for _, limit := range []int{1, 2, 3, 10, 1000} {
		t.Run(fmt.Sprintf("limit=%d", limit), func(t *testing.T) {
			seed := rand.Uint64()
			rng := rand.New(rand.NewPCG(seed, 0))
			staying := collisions(t, 3)
			for i := range 200 {
				staying = append(staying, fmt.Sprintf("staying-%d", i), fmt.Sprintf("{tag}%d", i))
			}
			s := newStore(t)
			s.apply(1, func(txn *storage.Txn) {
				for _, k := range staying {
					put(t, txn, 0, k, 0)
				}
			})
			found := make(map[string]int)
			for p := layout.Position(0); p < layout.EndPosition; {
				var got []string
				s.view(1, func(v *storage.View) { got, p = page(t, v, 0, p, limit) })
				for _, k := range got {
					found[k]++
				}
				s.apply(1, func(txn *storage.Txn) {
					for range rng.IntN(20) {
						if k := fmt.Sprintf("%s%d", []string{"coming-", "{tag}x"}[rng.IntN(2)], rng.IntN(300)); rng.IntN(2) == 0 {
							put(t, txn, 0, k, 0)
						} else {
							remove(t, txn, 0, k)
						}
					}
				})
			}
			for _, k := range staying {
				if found[k] != 1 {
					t.Errorf("%q was found %d times, seed %d", k, found[k], seed)
				}
			}
		})
	}
}

// TestPageKeepsGroupsTogether shows that keys of one position are in one page, whatever its limit.
func TestPageKeepsGroupsTogether(t *testing.T) {
	group := collisions(t, 3)
	slices.Sort(group)
	s := newStore(t)
	s.apply(1, func(txn *storage.Txn) {
		for _, k := range group {
			put(t, txn, 0, k, 0)
		}
		// Inside the transaction that wrote them, too.
		if got, next := page(t, txn, 0, 0, 3); !slices.Equal(got, group) || next != layout.EndPosition {
			t.Errorf("got %q, next %d", got, next)
		}
	})
	s.view(1, func(v *storage.View) {
		if got, next := page(t, v, 0, 0, 1); !slices.Equal(got, group) || next != layout.EndPosition {
			t.Errorf("got %q, next %d", got, next)
		}
		calls := 0
		_, err := keys.Page(v, 0, 0, layout.EndPosition, 1000, func([]byte, layout.Row) bool { calls++; return false })
		must(t, err)
		if calls != len(group) {
			t.Errorf("a page that was full after its first key had %d keys of %d", calls, len(group))
		}
	})
}

// TestPageStops shows what ends a page, and where the next one begins.
func TestPageStops(t *testing.T) {
	s := newStore(t)
	s.apply(1, func(txn *storage.Txn) {
		for i := range 10 {
			put(t, txn, 0, fmt.Sprint("expired", i), 50)
		}
		put(t, txn, 0, "live", 0)
	})
	s.view(100, func(v *storage.View) {
		var found []string
		pages := 0
		for p := layout.Position(0); p < layout.EndPosition; pages++ {
			var got []string
			got, p = page(t, v, 0, p, 1)
			found = append(found, got...)
		}
		if pages != 11 || !slices.Equal(found, []string{"live"}) {
			t.Errorf("%d pages of one row, found %q; expired rows count", pages, found)
		}
		if got, next := page(t, v, 0, layout.EndPosition+5, 10); len(got) != 0 || next != layout.EndPosition {
			t.Errorf("beyond the end: %q, next %d", got, next)
		}
		if got, next := page(t, v, 1, 0, 10); len(got) != 0 || next != layout.EndPosition {
			t.Errorf("an empty database: %q, next %d", got, next)
		}
	})
}

// TestSlotRange shows that a slot's keys, and no others, are in its range.
func TestSlotRange(t *testing.T) {
	for _, key := range []string{"", "a", "{t}a", "foo", "\xff"} {
		p := layout.PositionOf([]byte(key))
		if from, to := keys.SlotRange(layout.Slot([]byte(key))); p < from || p >= to {
			t.Errorf("%q is at %d, its slot at [%d, %d)", key, p, from, to)
		}
	}
	if _, to := keys.SlotRange(layout.Slots - 1); to != layout.EndPosition {
		t.Errorf("the last slot ends at %d", to)
	}
}
