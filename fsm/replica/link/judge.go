package link

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/raftfix"
)

// Raft counts members: a vote, a stored entry, an answer to a read round count for the member that was asked.
// hashicorp/raft asks addresses, and takes whoever answers there for the member. So a link is bound to the member
// that it was opened for, and each end looks whether the other is who it must be, before either uses the link:
//
//   - Both know one cluster: by its id, or where one does not know that yet, by the membership that it began with
//     (ClusterNote).
//   - The acceptor is the member that the opener wants (Hello.To). Where that stands free, the link carries requests
//     only.
//   - Who begins the cluster once more is a member of it, at its address: it has lost its disk.
//   - Who comes from another address than the configuration says has moved, unless the process at that address is
//     alive.
//
// One member is one directory, and a directory is one process's at a time. What cannot be seen here is a directory
// that was copied, once its original does not answer.

// judge is what a node knows when it judges a peer.
type judge struct {
	own     Hello
	members []raft.Server // the newest configuration; empty on a node that is in none yet
}

// Refusal is why a link is not to be used. It is an ErrRefused.
type Refusal struct {
	why   string
	Final bool // whoever else is asked says the same: it is about the opener, or about both
}

// Error implements error.
func (r *Refusal) Error() string { return "refused: " + r.why }

// Is implements the interface of errors.Is.
func (r *Refusal) Is(target error) bool { return target == ErrRefused }

// RefuseFinally returns a Refusal that is final.
func RefuseFinally(format string, args ...any) *Refusal {
	return &Refusal{fmt.Sprintf(format, args...), true}
}

func refuseHere(format string, args ...any) *Refusal {
	return &Refusal{fmt.Sprintf(format, args...), false}
}

// acceptor returns why the node that has answered is not to be used, or nil.
func (j judge) acceptor(peer Hello) *Refusal {
	if j.own.To != "" && peer.ID != j.own.To {
		return j.stranger(peer.ID, peer.Cluster, j.own.To)
	}
	return j.sameCluster(peer, j.own.To)
}

// opener returns why the node that has come is not to be used, or nil.
func (j judge) opener(peer Hello) *Refusal {
	switch {
	case peer.kind != Raft && peer.kind != Query:
		return RefuseFinally("unknown kind of link")
	case peer.kind == Raft && peer.To == "":
		return RefuseFinally("a link of Raft's names the member that it is for")
	case peer.To != "" && peer.To != j.own.ID:
		return j.stranger(j.own.ID, j.own.Cluster, peer.To)
	}
	if r := j.sameCluster(peer, peer.To); r != nil || peer.To == "" {
		return r // without a name it takes requests only, see Host
	}
	return j.lostDisk(peer)
}

// sameCluster looks whether both are of one cluster. A cluster is known by its id; by those who do not know it yet,
// by what it began with; and by a node that is to join it not at all, which then can only ask for that: a link to a
// member wants both to know it.
func (j judge) sameCluster(peer Hello, to string) *Refusal {
	var none [GenesisLen]byte
	own := j.own
	switch {
	case own.Cluster != "" && peer.Cluster != "":
		if own.Cluster == peer.Cluster {
			return nil
		}
		return RefuseFinally("%s is of cluster %s and %s of cluster %s: one of the two has an address that belongs to the other's cluster", own.ID, own.Cluster, peer.ID, peer.Cluster)
	case own.genesis != none && peer.genesis != none:
		switch {
		case own.genesis == peer.genesis:
			return nil
		case own.Cluster == "" && peer.Cluster == "":
			return RefuseFinally("%s and %s begin a cluster with different --peers, or one of them with --new-cluster: start all of its nodes alike", own.ID, peer.ID)
		}
	case to == "" && (own.genesis == none && own.Cluster == "" || peer.genesis == none && peer.Cluster == ""):
		return nil
	}
	in, out := own, peer
	if in.Cluster == "" {
		in, out = peer, own
	}
	if in.Cluster == "" {
		return refuseHere("%s and %s do not know a cluster in common yet", own.ID, peer.ID)
	}
	return refuseHere("%s is of cluster %s, and %s was not started for that: start it with the --peers that the cluster began with, or on an empty --dir with --join", in.ID, in.Cluster, out.ID)
}

// stranger is why a link is refused where another node answers than the one that is wanted.
func (j judge) stranger(id, cluster, wanted string) *Refusal {
	of := "cluster " + cluster
	if cluster == "" {
		of = "a cluster without an id yet"
	}
	return refuseHere("here answers %s of %s, and not %s: start both where the cluster knows them, or each with --peers naming all members where they are now", id, of, wanted)
}

// lostDisk judges a peer that begins this node's cluster once more: it is a member that has lost its disk, and in its
// place, or it is none.
func (j judge) lostDisk(peer Hello) *Refusal {
	if j.own.Cluster == "" || peer.Cluster != "" {
		return nil
	}
	s, is := member(j.members, peer.ID)
	switch {
	case !is:
		return refuseHere("%s is no member of cluster %s any more: start it on an empty --dir with --join", peer.ID, j.own.Cluster)
	case string(s.Address) != peer.Addr && !peer.hasState:
		return refuseHere("%s is a member at %s and comes from %s without its data: start it there, or on an empty --dir with --join and another --id", peer.ID, s.Address, peer.Addr)
	}
	return nil
}

// mustYield says that the opener is of a living cluster that has a member where this node begins another one, or has
// begun one alone: it stands on a directory that has lost that member's data, or at an address that is not free.
func (j judge) mustYield(peer Hello) bool {
	var none [GenesisLen]byte
	switch own := j.own; {
	case !own.founder || peer.To == "" || !peer.hasState || peer.Cluster == "":
		return false
	case own.Cluster != "": // ids begin with the time, see NewClusterID
		return peer.leads && peer.Cluster < own.Cluster && peer.To == own.ID && len(j.members) == 1
	case own.hasState:
		return false
	}
	return j.own.genesis == none || j.own.genesis != peer.genesis
}

// vetAcceptor returns why a link is not to be used that this node has opened, or nil.
func (l *Links) vetAcceptor(own, peer Hello) *Refusal { return judge{own: own}.acceptor(peer) }

// vetOpener returns why a link is not to be used that a peer has opened, or nil.
func (l *Links) vetOpener(own, peer Hello) *Refusal {
	j := judge{own, l.o.Host.Situation().Members}
	if j.mustYield(peer) {
		return l.o.Host.Yield(peer)
	}
	if reason := j.opener(peer); reason != nil || !j.tells(peer) {
		return reason
	}
	if twin := l.twin(peer, j.members); twin != nil {
		return twin
	}
	l.addressBook.record(peer.ID, peer.Addr)
	return nil
}

// tells says that the opener, which is of this node's cluster, is a member that has come for this one, so that its
// word of where it is counts.
func (j judge) tells(peer Hello) bool {
	_, is := member(j.members, peer.ID)
	return peer.To != "" && peer.hasState && is && peer.ID != j.own.ID
}

// member returns the member that is called id.
func member(all []raft.Server, id string) (s raft.Server, is bool) {
	i := slices.IndexFunc(all, func(s raft.Server) bool { return string(s.ID) == id })
	if i < 0 {
		return raft.Server{}, false
	}
	return all[i], true
}

// twins remembers which processes were found to be alone under their member's name, or not.
type twins struct {
	looking sync.Mutex // one look at a time
	seen    map[raftfix.MemberAddr]sightOfTwin
}

// sightOfTwin is what the last look for a member's other process has shown to one of them.
type sightOfTwin struct {
	run   string
	alive bool // the other one is
	until time.Time
}

// How long a look counts, and how long it takes at most: handshakes wait for it.
const (
	twinTime  = 10 * time.Second
	twinAlive = time.Second
	twinLook  = 500 * time.Millisecond
)

// twin looks whether a member that comes from elsewhere than it is known to be is alive there too, as another
// process. One without a state is not let in at another address at all, see lostDisk and admit.
func (l *Links) twin(peer Hello, members []raft.Server) *Refusal {
	if l.o.Addresses[peer.ID] == peer.Addr {
		return nil
	}
	s, _ := member(members, peer.ID)
	for _, known := range []string{string(s.Address), l.addressBook.lookUp(peer.ID)} {
		if known == "" || known == peer.Addr || isNowhere(known) {
			continue
		}
		if l.seesTwin(peer, known) {
			return refuseHere("%s runs at %s already: two processes have the same --id", peer.ID, known)
		}
	}
	return nil
}

// seesTwin looks for another process of a member at an address, or remembers what it has seen.
func (l *Links) seesTwin(peer Hello, addr string) bool {
	at := raftfix.MemberAddr{ID: peer.ID, Addr: addr}
	l.twins.looking.Lock()
	defer l.twins.looking.Unlock()
	seen, ok := l.twins.seen[at]
	if now := time.Now(); !ok || seen.run != peer.run || now.After(seen.until) {
		maps.DeleteFunc(l.twins.seen, func(_ raftfix.MemberAddr, s sightOfTwin) bool { return now.After(s.until) })
		seen = l.lookForTwin(peer, addr)
		l.twins.seen[at] = seen
	}
	return seen.alive
}

// lookForTwin asks whoever is at an address who it is, and does not name the member: that node would look in turn.
func (l *Links) lookForTwin(peer Hello, addr string) sightOfTwin {
	ctx, cancel := context.WithTimeout(l.ctx, twinLook)
	defer cancel()
	id, run, err := l.o.Host.Who(ctx, addr)
	if err == nil && id == peer.ID && run != peer.run {
		return sightOfTwin{peer.run, true, time.Now().Add(twinAlive)}
	}
	return sightOfTwin{peer.run, false, time.Now().Add(twinTime)}
}
