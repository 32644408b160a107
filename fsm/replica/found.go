package replica

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"cairn/fsm"
	"cairn/storage/raftlog"
)

// ErrDisplaced is returned by Start, and delivered by Refused, on a node that has begun a cluster where another one has a member.
var ErrDisplaced = errors.New("replica: this node has begun a second cluster")

// displacedKey is the stable value that says why this node does not serve: the words of ErrDisplaced.
var displacedKey = []byte("CairnDisplaced")

// founding is a node's that begins a cluster alone. It waits a moment first: a member that is started again on an empty directory would
// found a second cluster, and acknowledge writes that nobody finds again. A living cluster calls its members several times in a
// heartbeat, so it is heard of in that time, unless its network is cut; it is then heard of later.
type founding struct {
	waits     atomic.Bool // nothing has been founded yet
	displaced atomic.Bool
}

// newClusterID returns an id for a cluster that begins at a Unix time in milliseconds: of two clusters, the older one has the smaller.
func newClusterID(now int64) string {
	var id [20]byte
	_, _ = rand.Read(id[:]) // never fails
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(now))
	copy(id[:], at[2:])
	return hex.EncodeToString(id[:])
}

// clusterKey is the stable value that holds the cluster's id.
var clusterKey = []byte("CairnCluster")

// clusterNote knows the cluster's id from the start on. After a kill the state may be behind the entry that agreed it, and a node that
// finds no leader does not come further.
type clusterNote struct{ noted atomic.Value } // string

func (c *clusterNote) load(log *raftlog.Store) error {
	id, err := log.Get(clusterKey)
	if err != nil {
		return fmt.Errorf("replica: read the log: %w", err)
	}
	c.noted.Store(string(id))
	return nil
}

// noteCluster makes the id durable as soon as it is agreed.
func (r *Replica) noteCluster() {
	for r.cluster.noted.Load() == "" {
		if id := r.machine.State().Cluster; id != "" {
			if err := r.o.Log.Set(clusterKey, []byte(id)); err != nil {
				r.log.Error("cannot note which cluster this node is of", "err", err)
				return
			}
			r.cluster.noted.Store(id)
			return
		}
		if !r.pause(r.o.paced(attendPause), nil) {
			return
		}
	}
}

// id is empty as long as this node knows none.
func (c *clusterNote) id(m *fsm.Machine) string {
	if id := m.State().Cluster; id != "" {
		return id
	}
	id, _ := c.noted.Load().(string)
	return id
}

// foundsAlone says that this node is to begin a cluster of its own, and that it may be another's member without knowing it.
func (r *Replica) foundsAlone(hasState bool) bool {
	return !hasState && !r.o.Joining && len(r.o.Peers) == 1 && r.o.FoundingWait > 0 && !r.o.NewCluster
}

// found begins the cluster once nobody has called for long enough.
func (r *Replica) found() {
	if !r.founding.waits.Load() || !r.pause(r.o.FoundingWait, nil) || r.founding.displaced.Load() {
		return
	}
	if err := r.raft.BootstrapCluster(raft.Configuration{Servers: r.founders()}).Error(); err != nil {
		r.log.Error("cannot begin the cluster", "err", err)
		return
	}
	r.founding.waits.Store(false)
	r.stand()
	r.changed.wake()
}

// displaced stops this node, at the call of a peer of another cluster, and returns why.
func (r *Replica) displaced(peer hello) string {
	why := fmt.Sprintf("at %s, cluster %s of %s has its member %s: start that on an empty --dir with --id %s --join %s, or, for a new cluster of its own, give this node an address that is free, or say CLUSTER FORGET %s there and --new-cluster here",
		r.o.Addr, peer.cluster, peer.id, peer.to, peer.to, peer.addr, peer.to)
	if r.founding.displaced.Swap(true) {
		return why
	}
	if !r.founding.waits.Load() {
		if err := r.o.Log.Set(displacedKey, []byte(why)); err != nil {
			r.log.Error("cannot note that this node is of a second cluster", "err", err)
		}
	}
	r.refuse(fmt.Errorf("%w: %s", ErrDisplaced, why))
	return why
}

// checkDisplaced is called before Raft starts.
func checkDisplaced(log *raftlog.Store, newCluster bool) error {
	why, err := log.Get(displacedKey)
	switch {
	case err != nil:
		return fmt.Errorf("replica: read the log: %w", err)
	case len(why) == 0:
		return nil
	case newCluster:
		return log.Set(displacedKey, nil)
	}
	return fmt.Errorf("%w: %s", ErrDisplaced, why)
}
