package replica

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

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
	*node
	cluster   *clusterNote
	alone     *alone
	transport *transport
	standing  *standing

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

// clusterKey is the stable value that holds the cluster's id, and genesisKey the one that holds what it began with.
var clusterKey, genesisKey = []byte("CairnCluster"), []byte("CairnGenesis")

// clusterNote is which cluster a node is of, from before its first link on. After a kill the state may be behind the entry that agreed the id, and a
// node that finds no leader does not come further. Who begins a cluster with others knows what it begins with, a hash of the membership, until the
// id is agreed, and keeps that: by it they know a member that has lost its disk. Who begins one alone gives it its id. Who joins one has
// the id of the first node of it that it has asked; that node's word is kept once a link to a member, or of one, is made.
type clusterNote struct {
	log     *raftlog.Store
	writing sync.Mutex // held while something is noted; a disk may take its time, and links do not wait for it

	mu struct {
		sync.Mutex
		known
	}
}

// known is what a clusterNote knows.
type known struct {
	id      string
	kept    bool // id is noted
	genesis [genesisLen]byte
}

func (c *clusterNote) id() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.id
}

func (c *clusterNote) genesis() [genesisLen]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.genesis
}

// load reads what is noted. It is called before Raft starts.
func (c *clusterNote) load(log *raftlog.Store) error {
	id, err := log.Get(clusterKey)
	if err != nil {
		return fmt.Errorf("replica: read the log: %w", err)
	}
	genesis, err := log.Get(genesisKey)
	if err != nil {
		return fmt.Errorf("replica: read the log: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log, c.mu.id, c.mu.kept = log, string(id), len(id) > 0
	copy(c.mu.genesis[:], genesis)
	return nil
}

// keep notes what is known now, and first what is not yet: an id, and what the cluster began with. It is false where the node is of another cluster.
func (c *clusterNote) keep(id string, genesis [genesisLen]byte) (same bool, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	now := c.mu.known
	c.mu.Unlock()
	var none [genesisLen]byte
	if genesis != none && now.genesis == none {
		if err := c.log.Set(genesisKey, genesis[:]); err != nil {
			return false, fmt.Errorf("replica: note which cluster this node is of: %w", err)
		}
		c.mu.Lock()
		c.mu.genesis = genesis
		c.mu.Unlock()
	}
	switch {
	case id == "":
		return true, nil
	case now.id != "" && now.id != id:
		return false, nil
	case now.kept:
		return true, nil
	}
	if err := c.log.Set(clusterKey, []byte(id)); err != nil {
		return false, fmt.Errorf("replica: note which cluster this node is of: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.id, c.mu.kept = id, true
	return true, nil
}

// suppose takes the word of a node that is asked to be let in, until that is refused.
func (c *clusterNote) suppose(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.mu.kept {
		c.mu.id = id
	}
}

// learn takes the id of a cluster that this node has begun with others.
func (c *clusterNote) learn(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.id == "" {
		c.mu.id = id
	}
}

// know is called when a link is proved, before it is used.
func (f *founding) know(own, peer hello, bound bool) error {
	switch {
	case peer.cluster == "" || f.waits.Load():
		return nil
	case bound && own.genesis != [genesisLen]byte{}: // that is noted, and enough until the state has the id
		f.cluster.learn(peer.cluster)
		return nil
	case bound:
		same, err := f.cluster.keep(peer.cluster, peer.genesis)
		if err == nil && !same {
			err = refuseFinally("%s is of cluster %s, and this node of another", peer.id, peer.cluster)
		}
		return err
	case f.o.Joining && own.kind == queryLink: // it has opened the link
		f.cluster.suppose(peer.cluster)
	}
	return nil
}

// noteCluster notes the id as soon as it is agreed.
func (f *founding) noteCluster() {
	for {
		if id := f.machine.State().Cluster; id != "" {
			same, err := f.cluster.keep(id, [genesisLen]byte{})
			switch {
			case err != nil:
				f.log.Error("cannot note which cluster this node is of", "err", err)
			case !same:
				f.log.Error("the state is of another cluster than this node", "state", id, "node", f.cluster.id())
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

// begin is called before a cluster's first entry is written, with its members. It notes by what the cluster is known.
func (f *founding) begin(members []raft.Server) error {
	id, genesis := "", [genesisLen]byte{}
	if len(members) == 1 {
		if id = f.cluster.id(); id == "" {
			id = newClusterID(f.clock.now())
		}
	} else {
		genesis = genesisOf(members, f.o.NewCluster)
	}
	_, err := f.cluster.keep(id, genesis)
	return err
}

// genesisOf tells memberships that clusters begin with apart.
func genesisOf(members []raft.Server, newCluster bool) [genesisLen]byte {
	var all []string
	for _, s := range members {
		all = append(all, located(s).String())
	}
	slices.Sort(all)
	if newCluster { // another one than the cluster that may have begun there before
		all = append(all, "new")
	}
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return [genesisLen]byte(sum[:])
}

// foundsAlone says that this node is to begin a cluster of its own, and that it may be another's member without knowing it.
func (f *founding) foundsAlone(hasState bool) bool {
	return !hasState && !f.o.Joining && len(f.o.Peers) == 1 && f.o.FoundingWait > 0 && !f.o.NewCluster
}

// found begins the cluster once nobody has called for long enough.
func (f *founding) found() {
	if !f.waits.Load() || !f.pause(max(f.o.FoundingWait, 4*f.o.Heartbeat), nil) || f.displaced.Load() {
		return
	}
	err := f.begin(f.founders())
	if err == nil {
		err = f.raft.BootstrapCluster(raft.Configuration{Servers: f.founders()}).Error()
	}
	if err != nil {
		f.log.Error("cannot begin the cluster", "err", err)
		return
	}
	f.waits.Store(false)
	f.transport.stand()
	f.changed.wake()
}

// displace stops this node, at the call of a peer of another cluster, and returns why.
func (f *founding) displace(peer hello) *refusal {
	if f.o.NewCluster {
		return refuseFinally("%s is of a new cluster, at its operator's word: say CLUSTER FORGET %s, or give that member an address of its own", f.o.ID, peer.to)
	}
	why := fmt.Sprintf("at %s, cluster %s of %s has its member %s: start that on an empty --dir with --id %s --join %s, or, for a new cluster of its own, give this node an address that is free, or say CLUSTER FORGET %s there and --new-cluster here",
		f.o.Addr, peer.cluster, peer.id, peer.to, peer.to, peer.addr, peer.to)
	if f.displaced.Swap(true) {
		return refuseFinally("%s", why)
	}
	if !f.waits.Load() {
		if err := f.o.Log.Set(displacedKey, []byte(why)); err != nil {
			f.log.Error("cannot note that this node is of a second cluster", "err", err)
		}
	}
	f.standing.refuse(fmt.Errorf("%w: %s", ErrDisplaced, why))
	return refuseFinally("%s", why)
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
