package replica

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

// genesisOf tells memberships that clusters begin with apart.
func genesisOf(members []raft.Server, newCluster bool) [genesisLen]byte {
	var all []string
	for _, s := range members {
		all = append(all, raftfix.Located(s).String())
	}
	slices.Sort(all)
	if newCluster { // another one than the cluster that may have begun there before
		all = append(all, "new")
	}
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return [genesisLen]byte(sum[:])
}
