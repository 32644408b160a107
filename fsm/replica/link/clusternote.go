package link

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/raftfix"
	"cairn/storage/raftlog"
)

// NewClusterID returns an id for a cluster that begins at a Unix time in milliseconds: of two clusters, the older one
// has the smaller.
func NewClusterID(now int64) string {
	var id [20]byte
	_, _ = rand.Read(id[:]) // never fails
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(now))
	copy(id[:], at[2:])
	return hex.EncodeToString(id[:])
}

// clusterKey is the stable value that holds the cluster's id, and genesisKey the one that holds what it began with.
var clusterKey, genesisKey = []byte("CairnCluster"), []byte("CairnGenesis")

// ClusterNote is which cluster a node is of, from before its first link on. After a kill the state may be behind the
// entry that agreed the id, and a node that finds no leader does not come further. Who begins a cluster with others
// knows what it begins with, a hash of the membership, until the id is agreed, and keeps that: by it they know a
// member that has lost its disk. Who begins one alone gives it its id. Who joins one has the id of the first node of
// it that it has asked; that node's word is kept once a link to a member, or of one, is made.
type ClusterNote struct {
	log     *raftlog.Store
	writing sync.Mutex // held while something is noted; a disk may take its time, and links do not wait for it

	mu struct {
		sync.Mutex
		clusterIdentity
	}
}

// clusterIdentity is what a clusterNote knows.
type clusterIdentity struct {
	id      string
	kept    bool // id is noted
	genesis [GenesisLen]byte
}

// ID returns the cluster's id; empty where it is not known.
func (c *ClusterNote) ID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.id
}

// Genesis returns what the cluster began with; zero where that is not known.
func (c *ClusterNote) Genesis() [GenesisLen]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.genesis
}

// Load reads what is noted. It is called before Raft starts.
func (c *ClusterNote) Load(log *raftlog.Store) error {
	id, err := log.Get(clusterKey)
	if err != nil {
		return fmt.Errorf("link: read the log: %w", err)
	}
	genesis, err := log.Get(genesisKey)
	if err != nil {
		return fmt.Errorf("link: read the log: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log, c.mu.id, c.mu.kept = log, string(id), len(id) > 0
	copy(c.mu.genesis[:], genesis)
	return nil
}

// Keep notes what is known now, and first what is not yet: an id, and what the cluster began with. It is false where
// the node is of another cluster.
func (c *ClusterNote) Keep(id string, genesis [GenesisLen]byte) (same bool, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	now := c.mu.clusterIdentity
	c.mu.Unlock()
	var none [GenesisLen]byte
	if genesis != none && now.genesis == none {
		if err := c.log.Set(genesisKey, genesis[:]); err != nil {
			return false, fmt.Errorf("link: note which cluster this node is of: %w", err)
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
		return false, fmt.Errorf("link: note which cluster this node is of: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.id, c.mu.kept = id, true
	return true, nil
}

// Suppose takes the word of a node that is asked to be let in, until that is refused.
func (c *ClusterNote) Suppose(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.mu.kept {
		c.mu.id = id
	}
}

// Learn takes the id of a cluster that this node has begun with others.
func (c *ClusterNote) Learn(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.id == "" {
		c.mu.id = id
	}
}

// GenesisOf tells memberships that clusters begin with apart.
func GenesisOf(members []raft.Server, newCluster bool) [GenesisLen]byte {
	var all []string
	for _, s := range members {
		all = append(all, raftfix.Located(s).String())
	}
	slices.Sort(all)
	if newCluster { // another one than the cluster that may have begun there before
		all = append(all, "new")
	}
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return [GenesisLen]byte(sum[:])
}

// learnCluster takes what a peer says of its cluster, when a link is proved and before it is used. A node that waits to
// begin a cluster takes nothing.
func (l *Links) learnCluster(own, peer Hello, bound, waits bool) error {
	switch {
	case peer.Cluster == "" || waits:
		return nil
	case bound && own.genesis != [GenesisLen]byte{}: // that is noted, and enough until the state has the id
		l.cluster.Learn(peer.Cluster)
		return nil
	case bound:
		same, err := l.cluster.Keep(peer.Cluster, peer.genesis)
		if err == nil && !same {
			err = RefuseFinally("%s is of cluster %s, and this node of another", peer.ID, peer.Cluster)
		}
		return err
	case l.o.Joining && own.kind == Query: // it has opened the link
		l.cluster.Suppose(peer.Cluster)
	}
	return nil
}
