package replica

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
	"cairn/storage/raftlog"
)

// ErrSecondCluster is returned by Start, and delivered by Refused, on a node that has begun a cluster where another one
// has a member.
var ErrSecondCluster = errors.New("replica: this node has begun a second cluster")

// secondClusterKey is the stable value that says why this node does not serve: the words of ErrSecondCluster.
var secondClusterKey = []byte("CairnDisplaced")

// founding is a node's that begins a cluster alone. It waits a moment first: a member that is started again on an
// empty directory would found a second cluster, and acknowledge writes that nobody finds again. A living cluster
// calls its members several times in a heartbeat, so it is heard of in that time, unless its network is cut; it is
// then heard of later.
type founding struct {
	*node
	cluster   *link.ClusterNote
	soleVoter *soleVoter
	transport *raftfix.Transport
	standing  *standing

	waits   atomic.Bool // nothing has been founded yet
	yielded atomic.Bool
}

// noteCluster notes the id as soon as it is agreed.
func (f *founding) noteCluster() {
	for {
		if id := f.machine.State().Cluster; id != "" {
			same, err := f.cluster.Keep(id, [link.GenesisLen]byte{})
			switch {
			case err != nil:
				f.log.Error("cannot note which cluster this node is of", "err", err)
			case !same:
				f.log.Error("the state is of another cluster than this node", "state", id, "node", f.cluster.ID())
				return
			default:
				return
			}
		}
		if !f.pause(attendPause, nil) {
			return
		}
	}
}

// noteMembers is called before a cluster's first entry is written, with its members. It notes by what the cluster is
// known.
func (f *founding) noteMembers(members []raft.Server) error {
	id, genesis := "", [link.GenesisLen]byte{}
	if len(members) == 1 {
		if id = f.cluster.ID(); id == "" {
			id = link.NewClusterID(f.clock.now())
		}
	} else {
		genesis = link.GenesisOf(members, f.o.NewCluster)
	}
	_, err := f.cluster.Keep(id, genesis)
	return err
}

// foundsAlone says that this node is to begin a cluster of its own, and that it may be another's member without
// knowing it.
func (f *founding) foundsAlone(hasState bool) bool {
	return !hasState && !f.o.Joining && len(f.o.Peers) == 1 && f.o.FoundingWait > 0 && !f.o.NewCluster
}

// found begins the cluster once nobody has called for long enough.
func (f *founding) found() {
	if !f.waits.Load() || !f.pause(max(f.o.FoundingWait, 4*f.o.Heartbeat), nil) || f.yielded.Load() {
		return
	}
	err := f.noteMembers(f.founders())
	if err == nil {
		err = f.raft.BootstrapCluster(raft.Configuration{Servers: f.founders()}).Error()
	}
	if err != nil {
		f.log.Error("cannot begin the cluster", "err", err)
		return
	}
	f.waits.Store(false)
	f.transport.Stand()
	f.changed.Wake()
}

// yield stops this node, at the call of a peer of another cluster, and returns why.
func (f *founding) yield(peer link.Hello) *link.Refusal {
	if f.o.NewCluster {
		return link.RefuseFinally("%s is of a new cluster, at its operator's word: say CLUSTER FORGET %s, or give that member an address of its own", f.o.ID, peer.To)
	}
	why := fmt.Sprintf("at %s, cluster %s of %s has its member %s: start that on an empty --dir with --id %s --join %s, or, for a new cluster of its own, give this node an address that is free, or say CLUSTER FORGET %s there and --new-cluster here",
		f.o.Addr, peer.Cluster, peer.ID, peer.To, peer.To, peer.Addr, peer.To)
	if f.yielded.Swap(true) {
		return link.RefuseFinally("%s", why)
	}
	if !f.waits.Load() {
		if err := f.o.Log.Set(secondClusterKey, []byte(why)); err != nil {
			f.log.Error("cannot note that this node is of a second cluster", "err", err)
		}
	}
	f.standing.refuse(fmt.Errorf("%w: %s", ErrSecondCluster, why))
	return link.RefuseFinally("%s", why)
}

// checkYielded is called before Raft starts.
func checkYielded(log *raftlog.Store, newCluster bool) error {
	why, err := log.Get(secondClusterKey)
	switch {
	case err != nil:
		return fmt.Errorf("replica: read the log: %w", err)
	case len(why) == 0:
		return nil
	case newCluster:
		return log.Set(secondClusterKey, nil)
	}
	return fmt.Errorf("%w: %s", ErrSecondCluster, why)
}
