package replica

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"

	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
	"cairn/storage/layout"
)

var (
	// ErrNotLeader is returned when another node leads and the call was certainly not proposed. Write returns it as a
	// NotLeaderError.
	ErrNotLeader = errors.New("replica: not the leader")
	// ErrNoLeader is returned when no leader was ready within the election wait; the call was certainly not proposed.
	ErrNoLeader = errors.New("replica: no leader elected")
	// ErrInDoubt is returned when a proposed write's fate is unknown: it may or may not take effect, now or later.
	ErrInDoubt = errors.New("replica: the write's outcome is unknown")
	// ErrNoQuorum is returned when a read could not be confirmed by a majority.
	ErrNoQuorum = errors.New("replica: no quorum for the read")
	// ErrStale is returned by a local read when this node has not heard from a leader within the staleness bound.
	ErrStale = errors.New("replica: state is older than the staleness bound")
	// ErrTooLarge is returned for a call that does not fit into a log entry; it was not proposed.
	ErrTooLarge = errors.New("replica: the command is too large for a log entry")
	// ErrOtherPeers is returned by Start where Options.Peers names a node that is no member of the node's cluster.
	ErrOtherPeers = errors.New("replica: the peers are not members of this node's cluster")
	// ErrClosed is returned by calls on a closed replica; they were certainly not proposed.
	ErrClosed = errors.New("replica: closed")
)

// Leader is the node that leads, as far as another one knows. The zero value is nobody.
type Leader struct {
	ID, Addr string // host:port, as the leader gave it
	Self     bool   // it is the node that was asked
}

// NotLeaderError is returned by Write when another node leads, at another address: nothing was proposed. It is an
// ErrNotLeader.
type NotLeaderError struct{ Leader Leader }

// Error implements error.
func (e *NotLeaderError) Error() string {
	return fmt.Sprintf("%v: %s leads at %s", ErrNotLeader, e.Leader.ID, e.Leader.Addr)
}

// Is implements the interface of errors.Is.
func (e *NotLeaderError) Is(target error) bool { return target == ErrNotLeader }

// Member is one node of the cluster as this node knows it.
type Member struct {
	ID        string // the operator's name for it: "n1"
	NodeID    string // 40 hexadecimal digits, for CLUSTER NODES
	Addr      string // host:port where clients and Raft links connect
	Voter     bool
	Leader    bool // it leads, or led last when nobody does
	Self      bool
	Connected bool   // it has answered this node lately
	Applied   uint64 // what it has applied, at least; 0 on the own entry
	// Lag is how many entries it was behind this node when it was asked last, within the last second; of one that
	// does not answer, how many it may be behind now.
	Lag uint64
	// LastContact is how long ago it answered last, a heartbeat or a question; negative when this process has never
	// had an answer of it.
	LastContact time.Duration
}

// Status is what a replica knows of itself and of the cluster at one moment.
type Status struct {
	ID      string
	NodeID  string // 40 hexadecimal digits
	Cluster string // the cluster's id; empty until agreed

	Standing   Standing
	State      string // "leader", "follower", "candidate" or "shutdown"
	Ready      bool   // it leads and has applied an entry of its own term
	LeaderID   string // empty when no leader is known
	LeaderAddr string

	Term, AppliedIndex uint64
	Voters             int
	Members            []Member // the order of the configuration
	LogStatus
	Figures
}

// LogStatus is what a replica knows of its log, and of the leader's.
type LogStatus struct {
	CommitIndex, SnapshotIndex, LastLogIndex uint64
	LogBytes                                 int64         // of log files that are needed
	LastContact                              time.Duration // since a leader was heard; 0 on the leader, -1 when none ever was
}

// Figures are what a replica counts, on its node.
type Figures struct {
	Databases     [layout.Databases]layout.Database
	RowCacheBytes int64    // of memory, outside of Go's heap
	Streams       []Stream // that run now
	ExpiredKeys   uint64   // removed by expiry since start
	Snapshots     uint64   // records written since start
	Reads         uint64   // read rounds confirmed since start
	Hits, Misses  uint64   // keys that reads have looked up since start: there, and not
	Entries       uint64   // entries proposed since start
}

// Stream is a state on its way to a follower that the log cannot catch up.
type Stream = raftfix.Stream

// Consistency says what a read may see.
type Consistency uint8

// The consistencies.
const (
	Linearizable Consistency = iota // everything acknowledged, by any node, before the read began
	Lease                           // the same while clocks drift within bounds; no round
	Local                           // this node's state, at most the staleness bound behind
)

// NodeID returns the 40 hexadecimal digits that CLUSTER NODES shows for a member.
func NodeID(id string) string {
	sum := sha1.Sum([]byte("cairn node " + id))
	return hex.EncodeToString(sum[:])
}

// Preface is what a connection opens with when it is a link between nodes and no client's.
const Preface = link.Preface

// RefuseLink tells the opener of a link why there will be none, see link.Refuse. The connection stays the caller's.
func RefuseLink(c net.Conn, why string) error { return link.Refuse(c, why) }
