package raftfix

import (
	"testing"

	"github.com/hashicorp/raft"
)

// TestTransfers: after an offer that has failed there is no other one to the same node in the same term, until
// appends to it have gone on.
func TestTransfers(t *testing.T) {
	o := NewTransfers()
	check := func(term uint64, id raft.ServerID, want bool) {
		t.Helper()
		if o.May(term, id) != want {
			t.Errorf("an offer to %s in term %d: %v, want %v", id, term, !want, want)
		}
	}
	check(3, "n2", true)
	o.appends("n2")
	o.Failed(3, "n2")
	check(3, "n2", false)
	check(3, "n3", true)
	check(4, "n2", true)
	for range drainAppends - 1 {
		o.appends("n2")
		o.appends("n3")
	}
	check(3, "n2", false)
	o.appends("n2")
	check(3, "n2", true)
	o.Failed(3, "n2")
	check(3, "n2", false)
	o.Failed(4, "n3")
	check(3, "n2", true) // that term is over
	check(4, "n3", false)
}
