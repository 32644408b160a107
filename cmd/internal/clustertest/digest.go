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
// replicas at one applied index have one digest. It is of one view, whose applied index is returned.
func Digest(t testing.TB, s *storage.Store) (index uint64, digest string) {
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
	return st.Index, fmt.Sprintf("%x", h.Sum(nil))
}

// Agree waits until the running nodes stand at one applied index, and fails the test unless they hold the same keyspace
// there. Writes must have stopped; what the nodes do by themselves, as removing expired keys, comes to an end.
func (c *Cluster) Agree() {
	c.t.Helper()
	c.Settle()
	Eventually(c.t, "all nodes to stand at one index", func() bool {
		var indexes []uint64
		var digests []string
		for _, m := range c.nodes {
			if m.node != nil {
				index, digest := Digest(c.t, m.node.Store())
				indexes, digests = append(indexes, index), append(digests, digest)
			}
		}
		for i := range indexes {
			if indexes[i] != indexes[0] {
				return false
			}
			if digests[i] != digests[0] {
				c.t.Errorf("clustertest: the %d. and the first node hold different keyspaces at index %d", i+1, indexes[i])
			}
		}
		return true
	})
}
