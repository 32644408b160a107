package replica

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"cairn/fsm/replica/raftfix"
)

// Raft counts members: a vote, a stored entry, an answer to a read round count for the member that was asked. hashicorp/raft asks
// addresses, and takes whoever answers there for the member. So a link is bound to the member that it was opened for, and each end
// looks whether the other is who it must be, before either uses the link:
//
//   - Both know one cluster: by its id, or where one does not know that yet, by the membership that it began with (clusterNote).
//   - The acceptor is the member that the opener wants (hello.to). Where that stands free, the link carries requests only.
//   - Who begins the cluster once more is a member of it, at its address: it has lost its disk.
//   - Who comes from another address than the configuration says has moved, unless the process at that address is alive.
//
// One member is one directory, and a directory is one process's at a time. What cannot be seen here is a directory that was copied,
// once its original does not answer.

// judge is what a node knows when it judges a peer.
type judge struct {
	own     hello
	members configuration // the newest configuration; empty on a node that is in none yet
}

// refusal is why a link is not to be used. It is an errRefused.
type refusal struct {
	why   string
	final bool // whoever else is asked says the same: it is about the opener, or about both
}

// Error implements error.
func (r *refusal) Error() string { return "refused: " + r.why }

// Is implements the interface of errors.Is.
func (r *refusal) Is(target error) bool { return target == errRefused }

func refuseFinally(format string, args ...any) *refusal {
	return &refusal{fmt.Sprintf(format, args...), true}
}

func refuseHere(format string, args ...any) *refusal {
	return &refusal{fmt.Sprintf(format, args...), false}
}

// acceptor returns why the node that has answered is not to be used, or nil.
func (j judge) acceptor(peer hello) *refusal {
	if j.own.to != "" && peer.id != j.own.to {
		return j.stranger(peer.id, peer.cluster, j.own.to)
	}
	return j.sameCluster(peer, j.own.to)
}

// opener returns why the node that has come is not to be used, or nil.
func (j judge) opener(peer hello) *refusal {
	switch {
	case peer.kind != raftLink && peer.kind != queryLink:
		return refuseFinally("unknown kind of link")
	case peer.kind == raftLink && peer.to == "":
		return refuseFinally("a link of Raft's names the member that it is for")
	case peer.to != "" && peer.to != j.own.id:
		return j.stranger(j.own.id, j.own.cluster, peer.to)
	}
	if r := j.sameCluster(peer, peer.to); r != nil || peer.to == "" {
		return r // without a name it takes requests only, see queries.serveQueries
	}
	return j.lostDisk(peer)
}

// sameCluster looks whether both are of one cluster. A cluster is known by its id; by those who do not know it yet, by what it began with; and
// by a node that is to join it not at all, which then can only ask for that: a link to a member wants both to know it.
func (j judge) sameCluster(peer hello, to string) *refusal {
	var none [genesisLen]byte
	own := j.own
	switch {
	case own.cluster != "" && peer.cluster != "":
		if own.cluster == peer.cluster {
			return nil
		}
		return refuseFinally("%s is of cluster %s and %s of cluster %s: one of the two has an address that belongs to the other's cluster", own.id, own.cluster, peer.id, peer.cluster)
	case own.genesis != none && peer.genesis != none:
		switch {
		case own.genesis == peer.genesis:
			return nil
		case own.cluster == "" && peer.cluster == "":
			return refuseFinally("%s and %s begin a cluster with different --peers, or one of them with --new-cluster: start all of its nodes alike", own.id, peer.id)
		}
	case to == "" && (own.genesis == none && own.cluster == "" || peer.genesis == none && peer.cluster == ""):
		return nil
	}
	in, out := own, peer
	if in.cluster == "" {
		in, out = peer, own
	}
	if in.cluster == "" {
		return refuseHere("%s and %s do not know a cluster in common yet", own.id, peer.id)
	}
	return refuseHere("%s is of cluster %s, and %s was not started for that: start it with the --peers that the cluster began with, or on an empty --dir with --join", in.id, in.cluster, out.id)
}

// stranger is why a link is refused where another node answers than the one that is wanted.
func (j judge) stranger(id, cluster, wanted string) *refusal {
	of := "cluster " + cluster
	if cluster == "" {
		of = "a cluster without an id yet"
	}
	return refuseHere("here answers %s of %s, and not %s: start both where the cluster knows them, or each with --peers naming all members where they are now", id, of, wanted)
}

// lostDisk judges a peer that begins this node's cluster once more: it is a member that has lost its disk, and in its place, or it is none.
func (j judge) lostDisk(peer hello) *refusal {
	if j.own.cluster == "" || peer.cluster != "" {
		return nil
	}
	s, member := j.members.find(peer.id)
	switch {
	case !member:
		return refuseHere("%s is no member of cluster %s any more: start it on an empty --dir with --join", peer.id, j.own.cluster)
	case string(s.Address) != peer.addr && !peer.past:
		return refuseHere("%s is a member at %s and comes from %s without its data: start it there, or on an empty --dir with --join and another --id", peer.id, s.Address, peer.addr)
	}
	return nil
}

// displaces says that the opener is of a living cluster that has a member where this node begins another one, or has begun one alone: it stands on a
// directory that has lost that member's data, or at an address that is not free.
func (j judge) displaces(peer hello) bool {
	var none [genesisLen]byte
	switch own := j.own; {
	case !own.founder || peer.to == "" || !peer.past || peer.cluster == "":
		return false
	case own.cluster != "": // ids begin with the time, see newClusterID
		return peer.leads && peer.cluster < own.cluster && peer.to == own.id && len(j.members.servers) == 1
	case own.past:
		return false
	}
	return j.own.genesis == none || j.own.genesis != peer.genesis
}

// vetAcceptor returns why a link is not to be used that this node has opened, or nil.
func (l *links) vetAcceptor(own, peer hello) *refusal { return judge{own: own}.acceptor(peer) }

// vetOpener returns why a link is not to be used that a peer has opened, or nil.
func (l *links) vetOpener(own, peer hello) *refusal {
	j := judge{own, l.known()}
	if j.displaces(peer) {
		return l.founding.displace(peer)
	}
	if reason := j.opener(peer); reason != nil || !j.tells(peer) {
		return reason
	}
	if twin := l.twin(peer, j.members); twin != nil {
		return twin
	}
	l.whereabouts.note(peer.id, peer.addr)
	return nil
}

// tells says that the opener, which is of this node's cluster, is a member that has come for this one, so that its word of where it is counts.
func (j judge) tells(peer hello) bool {
	_, member := j.members.find(peer.id)
	return peer.to != "" && peer.past && member && peer.id != j.own.id
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
	twinLook  = whoTimeout / 2
)

// twin looks whether a member that comes from elsewhere than it is known to be is alive there too, as another process. One without a
// past is not let in at another address at all, see lostDisk and admit.
func (l *links) twin(peer hello, members configuration) *refusal {
	if l.addresses[peer.id] == peer.addr {
		return nil
	}
	s, _ := members.find(peer.id)
	for _, known := range []string{string(s.Address), l.whereabouts.of(peer.id)} {
		if known == "" || known == peer.addr || isNowhere(known) {
			continue
		}
		if l.seesTwin(peer, known) {
			return refuseHere("%s runs at %s already: two processes have the same --id", peer.id, known)
		}
	}
	return nil
}

// seesTwin looks for another process of a member at an address, or remembers what it has seen.
func (l *links) seesTwin(peer hello, addr string) bool {
	at := raftfix.MemberAddr{ID: peer.id, Addr: addr}
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
func (l *links) lookForTwin(peer hello, addr string) sightOfTwin {
	ctx, cancel := context.WithTimeout(l.ctx, twinLook)
	defer cancel()
	who, err := l.admin.send(ctx, raftfix.MemberAddr{Addr: addr}, request{Verb: verbWho})
	if err == nil && who.ID == peer.id && who.Run != peer.run {
		return sightOfTwin{peer.run, true, time.Now().Add(twinAlive)}
	}
	return sightOfTwin{peer.run, false, time.Now().Add(twinTime)}
}
