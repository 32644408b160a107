package replica

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// configuration says who is in the cluster.
type configuration struct {
	servers []raft.Server
	index   uint64 // of its entry; only where settled gives it
}

// configuration returns the newest configuration, which may not be committed.
func (n *node) configuration() configuration { return configuration{servers: n.servers()} }

// settled returns the newest configuration with its index, once it is known to be committed; ok is false when it is
// not within a second. Raft tells the index to snapshots only (raft.GetConfiguration gives 0), so one is taken.
func (n *node) settled(ctx context.Context) (m configuration, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for {
		m = n.configuration()
		err := n.raft.Snapshot().Error() // it covers the configuration entry, or fails
		if err == nil || errors.Is(err, raft.ErrNothingNewToSnapshot) {
			all, err := n.snapshots.List()
			if err == nil && len(all) > 0 && slices.Equal(all[0].Configuration.Servers, m.servers) {
				m.index = all[0].ConfigurationIndex
				return m, true
			}
		}
		if !n.pause(snapshotRetry/5, ctx.Done()) {
			return m, false
		}
	}
}

// unsettled is the response to whoever asks while the configuration is being changed.
var unsettled = response{Wait: "the configuration is being changed"}

// member returns the member with a name, or with a NodeID.
func (m configuration) member(id string) (raft.Server, bool) {
	for _, s := range m.servers {
		if string(s.ID) == id || NodeID(string(s.ID)) == id {
			return s, true
		}
	}
	return raft.Server{}, false
}

// names returns the names of all members.
func (m configuration) names() (all []string) {
	for _, s := range m.servers {
		all = append(all, string(s.ID))
	}
	return all
}

// at returns the member with an address.
func (m configuration) at(addr string) (raft.Server, bool) {
	for _, s := range m.servers {
		if string(s.Address) == addr {
			return s, true
		}
	}
	return raft.Server{}, false
}

func (m configuration) voters() (n int) {
	for _, s := range m.servers {
		if s.Suffrage == raft.Voter {
			n++
		}
	}
	return n
}
