package clustertest

import (
	"errors"
	"testing"

	"cairn/storage"
)

// Digest is the checksum of the state of a store, and the applied index of that state. Two replicas at one applied
// index have one digest.
func Digest(t testing.TB, s *storage.Store) (index uint64, digest string) {
	t.Helper()
	v, err := s.View(0)
	if err != nil {
		t.Fatalf("clustertest: digest: %v", err)
	}
	sum, err := v.Checksum(t.Context())
	if err := errors.Join(err, v.Close()); err != nil {
		t.Fatalf("clustertest: digest: %v", err)
	}
	return v.State().Index, sum.String()
}

// Agree waits until the running nodes stand at one applied index, and fails the test unless they hold the same
// keyspace there, which is also what they say of themselves (CAIRN.VERIFY). Writes must have stopped; what the nodes
// do by themselves, as removing expired keys, comes to an end.
func (c *Cluster) Agree() {
	c.t.Helper()
	c.Settle()
	c.verifyRunning()
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
