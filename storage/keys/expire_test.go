package keys_test

import (
	"testing"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// TestOrphans shows that an expiry row that FLUSHDB has left behind takes no later key away.
func TestOrphans(t *testing.T) {
	const due = 100
	flush := func(t *testing.T, txn *storage.Txn) { must(t, keys.Flush(txn, 0)) }
	for _, test := range []struct {
		name    string
		db      uint8                                // where k is in the end
		write   func(t *testing.T, txn *storage.Txn) // after k, due at due, was flushed from database 0
		survive bool
	}{
		{"no new key", 0, func(*testing.T, *storage.Txn) {}, false},
		{"a new one without an end", 0, func(t *testing.T, txn *storage.Txn) { put(t, txn, 0, "k", 0) }, true},
		{"a new one with a later end", 0, func(t *testing.T, txn *storage.Txn) { put(t, txn, 0, "k", due+1) }, true},
		{"a new one with the same end", 0, func(t *testing.T, txn *storage.Txn) { put(t, txn, 0, "k", due) }, false},
		{"the same end, moved on", 0, func(t *testing.T, txn *storage.Txn) { put(t, txn, 0, "k", due); put(t, txn, 0, "k", due+1) }, true},
		{"the same end, taken away", 0, func(t *testing.T, txn *storage.Txn) { put(t, txn, 0, "k", due); put(t, txn, 0, "k", 0) }, true},
		{"a later end, flushed again", 0, func(t *testing.T, txn *storage.Txn) {
			put(t, txn, 0, "k", due+1)
			flush(t, txn)
			put(t, txn, 0, "k", 0)
		}, true},
		{"exchanged, the same end in the other keyspace", 0, func(t *testing.T, txn *storage.Txn) {
			txn.SwapDatabases(0, 1)
			put(t, txn, 0, "k", due)
		}, false},
		{"exchanged, no end in the other keyspace", 0, func(t *testing.T, txn *storage.Txn) {
			txn.SwapDatabases(0, 1)
			put(t, txn, 0, "k", 0)
		}, true},
		{"exchanged, no end in the old keyspace", 1, func(t *testing.T, txn *storage.Txn) {
			put(t, txn, 1, "k", due)
			txn.SwapDatabases(0, 1)
			flush(t, txn)
			put(t, txn, 1, "k", 0)
		}, true},
		{"exchanged and back", 0, func(t *testing.T, txn *storage.Txn) {
			txn.SwapDatabases(0, 1)
			put(t, txn, 1, "k", due+1)
			txn.SwapDatabases(1, 0)
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStore(t)
			s.apply(1, func(txn *storage.Txn) {
				put(t, txn, 0, "k", due)
				put(t, txn, 0, "other", 0)
			})
			s.apply(2, func(txn *storage.Txn) { flush(t, txn) })
			s.apply(3, func(txn *storage.Txn) { test.write(t, txn) })
			s.apply(due, func(txn *storage.Txn) {
				_, err := keys.RemoveExpired(txn, 100)
				must(t, err)
			})
			s.view(due, func(v *storage.View) {
				checkAccounts(t, v)
				if got := live(t, v, test.db, "k"); got != test.survive {
					t.Errorf("the key is there: %v", got)
				}
				if at, ok, err := keys.NextExpiry(v); err != nil || ok && at <= due {
					t.Errorf("something due at %d is left, %v", at, err)
				}
			})
		})
	}
}

// TestExpiryRowFollows shows that a key leaves no expiry row behind when it gets another end, none, or is removed.
func TestExpiryRowFollows(t *testing.T) {
	s := newStore(t)
	for _, step := range []struct {
		name string
		do   func(txn *storage.Txn)
		due  int64 // 0 is none
	}{
		{"an end", func(txn *storage.Txn) { put(t, txn, 0, "k", 100) }, 100},
		{"a later one", func(txn *storage.Txn) { put(t, txn, 0, "k", 200) }, 200},
		{"none", func(txn *storage.Txn) { put(t, txn, 0, "k", 0) }, 0},
		{"an end again", func(txn *storage.Txn) { put(t, txn, 0, "k", 300) }, 300},
		{"removed", func(txn *storage.Txn) { remove(t, txn, 0, "k") }, 0},
		{"an end that is over", func(txn *storage.Txn) { put(t, txn, 0, "k", 400); put(t, txn, 0, "k", 1) }, 0},
	} {
		s.apply(1, step.do)
		s.view(1, func(v *storage.View) {
			checkAccounts(t, v)
			if due, ok, err := keys.NextExpiry(v); due != step.due || ok != (due != 0) || err != nil {
				t.Errorf("%s: due at %d, %v, %v", step.name, due, ok, err)
			}
		})
	}
}

// TestRemoveExpiredLimit shows that a sweep says whether something is left.
func TestRemoveExpiredLimit(t *testing.T) {
	s := newStore(t)
	s.apply(1, func(txn *storage.Txn) {
		for _, k := range []string{"a", "b", "c"} {
			put(t, txn, 0, k, 10)
		}
		put(t, txn, 0, "later", 11)
	})
	for i, want := range []int{2, 1, 0} {
		s.apply(10, func(txn *storage.Txn) {
			if n, err := keys.RemoveExpired(txn, 2); n != want || err != nil {
				t.Errorf("sweep %d took away %d, want %d, %v", i, n, want, err)
			}
		})
	}
	s.view(10, func(v *storage.View) {
		checkAccounts(t, v)
		if d := v.Database(0); d.Keys != 1 || d.Expires != 1 {
			t.Errorf("%d keys, %d with an end", d.Keys, d.Expires)
		}
	})
}

// checkAccounts holds the counts of all databases against their rows, and each row that has an end against its expiry
// row.
func checkAccounts(t testing.TB, v *storage.View) {
	t.Helper()
	for db := range uint8(layout.Databases) {
		d, rows, expires := v.Database(db), uint64(0), uint64(0)
		lo, hi := layout.AppendPosition(nil, d.Keyspace, 0), layout.AppendPosition(nil, d.Keyspace, layout.EndPosition)
		must(t, v.Scan(lo, hi, func(k, b []byte) (bool, error) {
			row, err := layout.ParseRow(b)
			if err != nil {
				return false, err
			}
			if rows++; row.ExpireAt == 0 {
				return true, nil
			}
			expires++
			_, _, key, err := layout.ParseKey(k)
			if err != nil {
				return false, err
			}
			e, err := v.Get(layout.AppendExpiry(nil, row.ExpireAt, d.Keyspace, key))
			if e == nil {
				t.Errorf("database %d: %q ends at %d and has no expiry row", db, key, row.ExpireAt)
			}
			return true, err
		}))
		if d.Keys != rows || d.Expires != expires {
			t.Errorf("database %d counts %d keys, %d with an end; its rows are %d and %d", db, d.Keys, d.Expires, rows, expires)
		}
	}
}
