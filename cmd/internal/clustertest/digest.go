package clustertest

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

// Digest sums up the logical content of a store: every key with its value, type, version and expiry, and the counts. Two
// replicas at one applied index have one digest.
func Digest(t testing.TB, s *storage.Store) string {
	t.Helper()
	v, err := s.View(0)
	if err != nil {
		t.Fatalf("clustertest: digest: %v", err)
	}
	defer v.Close()
	h := sha256.New()
	st := v.State()
	fmt.Fprintf(h, "%d %d %q %v\n", st.Index, st.Time, st.Cluster, st.Databases)
	for db := range uint8(layout.Databases) {
		err := keys.Walk(v, db, 0, func(_ layout.Position, key []byte, row layout.Row) (bool, error) {
			fmt.Fprintf(h, "%d %q %+v\n", db, key, row)
			return true, nil
		})
		if err != nil {
			t.Fatalf("clustertest: digest: %v", err)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// Agree waits until the running nodes have applied the same index, and fails the test unless they hold the same keyspace.
// Writes must have stopped.
func (c *Cluster) Agree() {
	c.t.Helper()
	c.Settle()
	want, first := "", -1
	for i, m := range c.nodes {
		if m.node == nil {
			continue
		}
		got := Digest(c.t, m.node.Store())
		if first < 0 {
			want, first = got, i
		}
		if got != want {
			c.t.Errorf("clustertest: %s and %s hold different keyspaces at index %d", c.ID(first), c.ID(i), m.node.Store().State().Index)
		}
	}
}
