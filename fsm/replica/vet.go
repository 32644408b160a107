package replica

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// Raft counts members: a vote, a stored entry, an answer to a read round count for the member that was asked. hashicorp/raft asks
// addresses, and takes whoever answers there for the member. So a link is bound to the member that it was opened for, and each end
// looks whether the other is who it must be, before either uses the link:
//
//   - Both know the same cluster, or one of them none yet. Two that know none began with the same members.
//   - The acceptor is the member that the opener wants (hello.to). Where that stands free, the link carries orders only.
//   - Who begins a cluster where there is one is a member of it, at its address: it has lost its disk. Otherwise it begins another one.
//   - Who comes from another address than the configuration says has moved, unless the process at that address is alive.
//
// One member is one directory, and a directory is one process's at a time. What cannot be seen here is a directory that was copied,
// once its original does not answer.

// memberAddr is a member and an address to look for it. As text it is what hashicorp/raft takes for the member's address, where it
// pools links and remembers votes: to it, one member is not another one that comes to the same address.
type memberAddr struct{ id, addr string }

func (m memberAddr) String() string { return m.id + "/" + m.addr }

// parseMemberAddr reads what String writes; an address has no slash.
func parseMemberAddr(s string) memberAddr {
	i := strings.LastIndexByte(s, '/')
	return memberAddr{s[:max(i, 0)], s[i+1:]}
}

// located is where the configuration says that a member is.
func located(s raft.Server) memberAddr { return memberAddr{string(s.ID), string(s.Address)} }

// judge is what a node knows when it judges a peer.
type judge struct {
	own     hello
	members membership // the newest configuration; empty on a node that is in none yet
}

// acceptor returns why the node that has answered is not to be used, or "".
func (j judge) acceptor(peer hello) string {
	if reason := j.sameCluster(peer); reason != "" {
		return reason
	}
	if j.own.to != "" && peer.id != j.own.to {
		return j.stranger(peer.id, peer.cluster, j.own.to)
	}
	return ""
}

// opener returns why the node that has come is not to be used, or "".
func (j judge) opener(peer hello) string {
	switch {
	case peer.kind != raftLink && peer.kind != queryLink:
		return "unknown kind of link"
	case peer.kind == raftLink && peer.to == "":
		return "a link of Raft's names the member that it is for"
	}
	if reason := j.sameCluster(peer); reason != "" {
		return reason
	}
	if peer.to == "" {
		return "" // orders only, see Replica.serveQueries
	}
	if peer.to != j.own.id {
		return j.stranger(j.own.id, j.own.cluster, peer.to)
	}
	return j.founder(peer)
}

func (j judge) sameCluster(peer hello) string {
	var none [genesisLen]byte
	own := j.own
	switch {
	case own.cluster != "" && peer.cluster != "" && own.cluster != peer.cluster:
		return fmt.Sprintf("%s is of cluster %s and %s of cluster %s: one of the two has an address that belongs to the other's cluster", own.id, own.cluster, peer.id, peer.cluster)
	case own.cluster == "" && peer.cluster == "" && own.genesis != none && peer.genesis != none && own.genesis != peer.genesis:
		return fmt.Sprintf("%s and %s begin a cluster with different --peers: give all of its nodes the same", own.id, peer.id)
	}
	return ""
}

// stranger is why a link is refused where another node answers than the one that is wanted.
func (j judge) stranger(id, cluster, wanted string) string {
	of := "cluster " + cluster
	if cluster == "" {
		of = "a cluster without an id yet"
	}
	return fmt.Sprintf("here answers %s of %s, and not %s: start both where the cluster knows them, or each with --peers naming all members where they are now", id, of, wanted)
}

// founder judges a peer that begins a cluster while this node is of one.
func (j judge) founder(peer hello) string {
	if j.own.cluster == "" || peer.cluster != "" || peer.past || !peer.founder {
		return ""
	}
	s, member := j.members.find(peer.id)
	switch {
	case !member:
		return fmt.Sprintf("%s begins a cluster and is no member of this one, %s: correct its --peers, or start it on an empty --dir with --join", peer.id, j.own.cluster)
	case string(s.Address) != peer.addr:
		return fmt.Sprintf("%s is a member at %s and comes from %s without its data: start it there, or on an empty --dir with --join and another --id", peer.id, s.Address, peer.addr)
	}
	return ""
}

// displaces says that the opener is of a living cluster that has a member where this node has begun another one: this node then stands
// on a directory that has lost that member's data, or at an address that is not free.
func (j judge) displaces(peer hello) bool {
	if !j.own.founder || peer.to == "" || !peer.past || peer.cluster == "" {
		return false
	}
	if j.own.cluster != "" {
		return j.own.cluster != peer.cluster && peer.leads && peer.cluster < j.own.cluster // ids begin with the time, see newClusterID
	}
	s, fellow := j.members.find(peer.id)
	if !j.own.past { // by the peers that it was told, which are those of another cluster where the names are the same and the addresses are not
		fellow = fellow && string(s.Address) == peer.addr
	}
	return !fellow // a fellow's call is for a member, be it this one, or one whose address this one has by mistake
}

// vetAcceptor returns why a link is not to be used that this node has opened, or "".
func (r *Replica) vetAcceptor(own, peer hello) string { return judge{own: own}.acceptor(peer) }

// vetOpener returns why a link is not to be used that a peer has opened, or "".
func (r *Replica) vetOpener(own, peer hello) string {
	j := judge{own, r.known()}
	if j.displaces(peer) && !r.o.NewCluster {
		return r.displaced(peer)
	}
	if reason := j.opener(peer); reason != "" {
		return reason
	}
	return r.twin(peer, j.members)
}

// known returns the newest configuration; none while Raft is being started.
func (r *Replica) known() membership {
	select {
	case <-r.started:
		return r.membership()
	default:
		return membership{}
	}
}

// genesis tells clusters apart that have no id yet: by the members that they begin with.
func (r *Replica) genesis() (sum [genesisLen]byte) {
	members := r.known().servers
	if len(members) == 0 {
		members = r.founders()
	}
	if len(members) == 0 || r.o.Joining {
		return sum
	}
	var all []string
	for _, s := range members {
		all = append(all, located(s).String())
	}
	slices.Sort(all)
	full := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return [genesisLen]byte(full[:])
}

// founders returns the membership that the options name for a new cluster.
func (r *Replica) founders() (members []raft.Server) {
	for _, p := range r.o.Peers {
		members = append(members, raft.Server{ID: raft.ServerID(p.ID), Address: raft.ServerAddress(p.Addr)})
	}
	return members
}

// twins remembers which processes were found to be alone under their member's name.
type twins struct {
	mu struct {
		sync.Mutex
		alone map[string]seenAlone // by id
	}
}

type seenAlone struct {
	run   string
	until time.Time
}

// twinTime is how long a process that was found to be alone under its name is taken for it without another look.
const twinTime = 10 * time.Second

// twin looks whether a member that comes from elsewhere than the configuration says is alive there too, as another process.
func (r *Replica) twin(peer hello, members membership) string {
	s, member := members.find(peer.id)
	if peer.to == "" || !member || string(s.Address) == peer.addr || r.addresses[peer.id] == peer.addr {
		return ""
	}
	r.twins.mu.Lock()
	seen := r.twins.mu.alone[peer.id]
	r.twins.mu.Unlock()
	if seen.run == peer.run && time.Now().Before(seen.until) {
		return ""
	}
	ctx, cancel := context.WithTimeout(r.ctx, whoTimeout)
	defer cancel()
	c, there, err := r.links.dialAt(ctx, located(s), queryLink)
	if err == nil {
		_ = c.Close() // nothing was asked
		if there.run != peer.run {
			return fmt.Sprintf("%s runs at %s already: two processes have the same --id", peer.id, s.Address)
		}
	}
	r.twins.mu.Lock()
	defer r.twins.mu.Unlock()
	if r.twins.mu.alone == nil {
		r.twins.mu.alone = make(map[string]seenAlone)
	}
	r.twins.mu.alone[peer.id] = seenAlone{peer.run, time.Now().Add(twinTime)} // at most one for each member
	return ""
}
