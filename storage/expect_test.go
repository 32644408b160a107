package storage

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
)

// TestExpect: what a transaction finds at a place is what is there, whatever it was told to expect: more or fewer keys, another order,
// and rows, databases and flushes that change after Fetch.
func TestExpect(t *testing.T) {
	rnd, s, want := newRand(t), unhurried(t, vfs.NewMem()), map[string]string{}
	key := func() []byte { return fmt.Append(nil, "k", rnd.IntN(300)) }
	for index := range uint64(300) {
		x, err := s.Begin()
		must(t, err)
		for range 1 + rnd.IntN(3) {
			var keys [][]byte
			for more := rnd.IntN(8) > 0; more && rnd.IntN(70) > 0; {
				k := key()
				more = x.Expect(uint8(rnd.IntN(2)), k)
				if keys = append(keys, k); len(keys) > maxExpected {
					t.Fatalf("%d keys are expected", len(keys))
				}
			}
			x.Fetch()
			for range rnd.IntN(40) {
				if rnd.IntN(20) == 0 {
					x.SwapDatabases(0, 1)
				}
				db, k := uint8(rnd.IntN(2)), key()
				if len(keys) > 0 && rnd.IntN(4) > 0 {
					k, keys = keys[0], keys[1:]
				}
				id := fmt.Sprintf("%d %s", x.Database(db).Keyspace, k)
				var p Place
				row, err := x.Find(&p, db, k)
				must(t, err)
				if v, there := want[id]; there != (row != nil) || there && string(row[layout.RowSize(layout.Row{}):]) != v {
					t.Fatalf("%s is %q, want %q (%v)", id, row, v, there)
				}
				for range rnd.IntN(3) { // the place is good for more than one write
					if rnd.IntN(4) == 0 {
						x.DeleteRow(&p)
						delete(want, id)
						continue
					}
					want[id] = fmt.Sprint(rnd.Uint64())
					must(t, x.SetRow(&p, layout.Row{Type: layout.String, Payload: []byte(want[id])}))
				}
			}
		}
		must(t, x.Commit(Applied{index + 1, 1}))
		if rnd.IntN(30) == 0 {
			must(t, s.Sync())
		}
	}
	must(t, s.Close())
}
