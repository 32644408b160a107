package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"cairn/fsm/replica"
	"cairn/storage"
)

// Options configures a Node. The zero value of a field means its default.
type Options struct {
	Dir string // where the data lives; default ./data
	ID  string // this node's name; default what Dir says, or "n1" for a new one

	Bind      string // default 127.0.0.1
	Port      int    // default: this node's in Peers, or 6379; a negative one takes any free port
	Advertise string // host:port that clients and peers use; default: this node's in Peers, or Bind and Port
	// Peers is the membership of a new cluster, this node included; default this node alone. On a directory that
	// holds a node already it names members, and says where they are now.
	Peers []replica.Peer
	// NewCluster is the operator's word that the cluster of Dir is a new one, whichever cluster calls this address a
	// member's. Dir remembers it. Without it a node that begins a cluster alone listens for FoundingWait first, and
	// stops when it is called.
	NewCluster   bool
	FoundingWait time.Duration // default 1 s, and none where nobody can know the address: with a negative Port, or a Listener
	// Join is in the place of Peers on an empty directory: the addresses of members of the cluster to join, or the
	// one word "wait", for a node that CLUSTER MEET invites later. A directory that has joined remembers it.
	Join    []string
	Learner bool // of Join: the node never gets a vote

	// Drain is how long Close goes on answering clients with redirects once it has handed leadership over, so that
	// they learn who leads now from a node that is still there. Default: not at all.
	Drain          time.Duration
	SentinelMaster string // what SENTINEL calls the master; default "cairn"
	LeaveOnExit    bool   // Close removes the node from its cluster

	RequirePass   string // what clients must AUTH with; default nothing
	ClusterSecret string // what nodes prove to each other; default RequirePass
	// Unprotected turns protected mode off: without RequirePass clients from other machines are served all the same,
	// and without ClusterSecret nodes from there are.
	Unprotected bool

	MaxClients      int                 // default 10000
	ProtoMaxBulkLen int64               // bytes in one argument; default 64 MiB
	SnapshotEntries uint64              // applied entries per snapshot; default 10
	RowCache        int64               // bytes, see storage.Options.RowCacheBytes
	Reads           replica.Consistency // of plain reads; default Linearizable
	ElectionWait    time.Duration       // how long a request waits for a leader; default 2 s
	MaxStaleness    time.Duration       // how old a READONLY connection's reads may be; default 10 s
	Heartbeat       time.Duration       // see replica.Options.Heartbeat
	Election        time.Duration       // see replica.Options.Election
	StreamRate      int64               // see replica.Options.StreamRate; no default: 0 is no limit
	LogBytes        int64               // see replica.Options.LogBytes
	TrailingLogs    uint64              // see replica.Options.TrailingLogs

	Logger   *slog.Logger   // gets at most some lines a minute of each message, see logBound; default: discards
	LogLevel *slog.LevelVar // what CONFIG SET loglevel changes; default: nothing

	// For tests and for programs with a network or a disk of their own.
	Listener net.Listener                                             // in the place of Bind and Port
	Dial     func(ctx context.Context, addr string) (net.Conn, error) // to peers; default TCP
	FS       storage.FS                                               // default the operating system's
	Clock    func() time.Time                                         // default time.Now
}

func (o Options) withDefaults() Options {
	if o.Dir == "" {
		o.Dir = "data"
	}
	if o.Bind == "" {
		o.Bind = "127.0.0.1"
	}
	if o.ClusterSecret == "" {
		o.ClusterSecret = o.RequirePass
	}
	if o.FoundingWait == 0 && o.Port >= 0 && o.Listener == nil {
		o.FoundingWait = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (o Options) validate() error {
	var faults []error
	if len(o.ID) > 64 {
		faults = append(faults, fmt.Errorf("the id %.64q… is longer than 64 bytes", o.ID))
	}
	if o.Port > 65535 {
		faults = append(faults, fmt.Errorf("there is no port %d", o.Port))
	}
	if o.Advertise != "" {
		faults = append(faults, checkAddr("the advertised address", o.Advertise))
	}
	if len(o.Join) > 0 && len(o.Peers) > 0 {
		faults = append(faults, errors.New("a cluster is either joined or begun: give --join or --peers"))
	}
	for _, addr := range o.joinAddrs() {
		faults = append(faults, checkAddr("the node to join at", addr))
	}
	ids, addrs := map[string]bool{}, map[string]bool{}
	for _, p := range o.Peers {
		faults = append(faults, checkAddr("peer "+p.ID, p.Addr))
		switch {
		case p.ID == "":
			faults = append(faults, fmt.Errorf("the peer at %s has no id", p.Addr))
		case ids[p.ID]:
			faults = append(faults, fmt.Errorf("peer id %s stands twice", p.ID))
		case addrs[spelling(p.Addr)]:
			faults = append(faults, fmt.Errorf("peer address %s stands twice", p.Addr))
		}
		ids[p.ID], addrs[spelling(p.Addr)] = true, true
	}
	return errors.Join(faults...)
}

// waitWord in the place of an address lets a node wait for an invitation.
const waitWord = "wait"

// joinAddrs returns the addresses to ask.
func (o Options) joinAddrs() []string {
	if len(o.Join) == 1 && o.Join[0] == waitWord {
		return nil
	}
	return o.Join
}

func checkAddr(what, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%s: %q is not host:port", what, addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || host == "" {
		return fmt.Errorf("%s: %q is not host:port", what, addr)
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsUnspecified() {
		return fmt.Errorf("%s: %s is no address that others can reach", what, addr)
	}
	return nil
}

// spelling returns one spelling of an address, as far as that can be known without asking anybody.
func spelling(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
	}
	if n, err := strconv.Atoi(port); err == nil {
		port = strconv.Itoa(n)
	}
	return net.JoinHostPort(host, port)
}

// self returns this node's own entry of the peers.
func (o Options) self() (replica.Peer, bool) {
	i := slices.IndexFunc(o.Peers, func(p replica.Peer) bool { return p.ID == o.ID })
	if i < 0 {
		return replica.Peer{}, false
	}
	return o.Peers[i], true
}

// settle fills in what depends on the directory: the id, and with it the address. It is called with the identity's
// word.
func (o Options) settle() (Options, error) {
	me, ok := o.self()
	if len(o.Peers) > 0 && !ok {
		return o, fmt.Errorf("%w: the peers do not name this node, %s; say which one it is with --id", ErrRefused, o.ID)
	}
	if ok && o.Advertise == "" {
		o.Advertise = me.Addr
	}
	if ok && o.Advertise != me.Addr {
		return o, fmt.Errorf("%w: the advertised address is %s, but the peers say %s", ErrRefused, o.Advertise, me.Addr)
	}
	if o.Port == 0 {
		o.Port = 6379
		if ok {
			_, port, _ := net.SplitHostPort(me.Addr) // validate has checked it
			o.Port, _ = strconv.Atoi(port)
		}
	}
	return o, nil
}
