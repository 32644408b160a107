package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"cairn/fsm"
	"cairn/storage/raftlog"
)

// Peer names one member of a static cluster.
type Peer struct{ ID, Addr string }

// Options configures a Replica. The zero value of a field means its default.
type Options struct {
	ID     string // required; this node's name in the cluster
	Addr   string // required; host:port under which clients and peers reach this node
	Secret string // authenticates links; all nodes have the same
	Origin
	Timing
	Bounds

	Machine   *fsm.Machine   // required
	Snapshots *fsm.Snapshots // required; over the machine's store
	Log       *raftlog.Store // required

	Dial   func(ctx context.Context, addr string) (net.Conn, error) // default: TCP
	Clock  func() time.Time                                         // default: time.Now
	Logger *slog.Logger                                             // default: discards
}

// Origin says how a node comes to its cluster.
type Origin struct {
	// Peers is the membership a cluster begins with, this node included. Empty means a cluster of this node alone.
	// Where the log is not empty, it says where members are looked for besides at the addresses that the cluster
	// knows: all of them may have moved at once.
	Peers      []Peer
	PeersBegan bool // Peers are those that the cluster began with; others must be members of it, or Start returns ErrOtherPeers
	// NewCluster is the operator's word that this node's cluster is a new one, whichever cluster has a member at this
	// address.
	NewCluster   bool
	FoundingWait time.Duration // how long, and four heartbeats at least, a node that begins a cluster alone listens for another that calls it a member; 0 is not at all
	// Joining says that this node is to become a member of a cluster that exists, in the place of Peers: the one that
	// the nodes at Join are of, or without those the one that invites it, see Meet. On a node that is a member
	// already it changes nothing.
	Joining bool
	Join    []string // host:port
	Learner bool     // of Joining: it never wants a vote
}

// Timing says how patient a node is.
type Timing struct {
	ElectionWait time.Duration // how long a call waits for a leader; default 2 s
	MaxStaleness time.Duration // how old a local read may be; default 10 s
	Heartbeat    time.Duration // a follower that hears nothing for one to two of these calls an election; default 250 ms; see paced
	Election     time.Duration // how long a candidate waits for votes, and an offer of leadership for its taker; default Heartbeat, at least that
}

// Bounds says how much of its resources a node takes.
type Bounds struct {
	StreamRate   int64  // bytes a second that streams to followers take in all; 0 is no limit
	TrailingLogs uint64 // entries kept behind a snapshot for followers that were away; default 10,240
	LogBytes     int64  // of log files, about; where entries are so large that they have more, fewer are kept; default 256 MiB
	MaxInFlight  int    // entries proposed and not yet answered; default 2
}

func (o Options) withDefaults() Options {
	o.ElectionWait = orDefault(o.ElectionWait, 2*time.Second)
	o.MaxStaleness = orDefault(o.MaxStaleness, 10*time.Second)
	o.Heartbeat = orDefault(o.Heartbeat, defaultHeartbeat)
	o.Election = max(o.Election, o.Heartbeat)
	o.TrailingLogs = orDefault(o.TrailingLogs, 10_240)
	o.LogBytes = orDefault(o.LogBytes, 256<<20)
	o.MaxInFlight = orDefault(o.MaxInFlight, 2)
	if len(o.Peers) == 0 && !o.Joining {
		o.Peers = []Peer{{o.ID, o.Addr}}
	}
	if o.Dial == nil {
		o.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// defaultHeartbeat suits one data centre. Up to slowHeartbeat, all other times are the same.
const (
	defaultHeartbeat = 250 * time.Millisecond
	slowHeartbeat    = 500 * time.Millisecond
)

// paced returns a time that suits a heartbeat of up to slowHeartbeat, made longer in proportion where heartbeats are
// slower: a cluster whose network wants patience wants it everywhere, and one that is slow to notice need not be
// quick to ask.
func (o Options) paced(d time.Duration) time.Duration {
	return max(d, time.Duration(float64(d)*float64(o.Heartbeat)/float64(slowHeartbeat)))
}

func orDefault[T comparable](v, byDefault T) T {
	var zero T
	if v == zero {
		return byDefault
	}
	return v
}

func (o Options) validate() error {
	var faults []error
	if o.ID == "" || o.Addr == "" {
		faults = append(faults, errors.New("replica: ID and Addr are required"))
	}
	if o.Machine == nil || o.Snapshots == nil || o.Log == nil {
		faults = append(faults, errors.New("replica: Machine, Snapshots and Log are required"))
	}
	ids, addrs, self := map[string]bool{}, map[string]bool{}, false
	for _, p := range o.Peers {
		if ids[p.ID] || addrs[p.Addr] {
			faults = append(faults, fmt.Errorf("replica: peer %s=%s: its id or address stands twice", p.ID, p.Addr))
		}
		ids[p.ID], addrs[p.Addr] = true, true
		self = self || p.ID == o.ID
	}
	if !self && (!o.Joining || len(o.Peers) > 0) {
		faults = append(faults, fmt.Errorf("replica: the peers do not name this node, %s", o.ID))
	}
	return errors.Join(faults...)
}
