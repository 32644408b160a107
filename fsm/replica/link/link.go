// Package link has the connections between the nodes of a cluster, on the port that clients use too: how they open,
// how both ends prove that they know the cluster's secret and who they are, and whom they take for what. What is said
// on them then is hashicorp/raft's, or its owner's.
package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/raftfix"
)

// Preface is what a connection opens with when it is a link between nodes and no client's.
const Preface = "\x00CAIRN3\n"

// The kinds of link. A link is a connection between two nodes on the port that clients use too.
const (
	Raft  = 'R' // hashicorp/raft's own protocol
	Query = 'Q' // this package's: read indexes and progress
)

// handshakeTimeout bounds how long a link may take to prove itself.
const handshakeTimeout = 5 * time.Second

// Options configures links. All fields but Secret, Joining and Addresses are required.
type Options struct {
	ID, Addr  string            // of this node
	Run       string            // of this process: tells it from another one with the same id
	Secret    string            // all nodes have the same
	Joining   bool              // this node joins a cluster, and has begun none
	Addresses map[string]string // where the operator says that members are, by id; it does not change
	Dial      func(ctx context.Context, addr string) (net.Conn, error)
	Cluster   *ClusterNote
	Guard     *raftfix.VoteGuard
	Host      Host
	Logger    *slog.Logger
}

// Host is the node whose links they are.
type Host interface {
	// Situation is what the node is at this moment.
	Situation() Situation
	// Yield is called when a peer of a living cluster has a member where this node has begun another one. It
	// returns why there is no link.
	Yield(peer Hello) *Refusal
	// Who asks whoever is at an address for its id and its process.
	Who(ctx context.Context, addr string) (id, run string, err error)
	// Serve answers a peer on a link for queries until that ends.
	Serve(c net.Conn, peer Hello) error
}

// Situation is what a node is to its cluster.
type Situation struct {
	HasState bool          // it has been part of a cluster
	Leads    bool          // it leads
	Waits    bool          // it is to begin a cluster, and has not
	Members  []raft.Server // the newest configuration; none on a node that is in none yet
}

// Links are the connections of this node with its peers. It is the raft.StreamLayer of the transport.
type Links struct {
	o           Options
	ctx         context.Context // ends what waits
	cluster     *ClusterNote
	twins       twins
	addressBook addressBook

	accepted chan net.Conn // raft links for the transport
	done     chan struct{}
	once     sync.Once
	calls    context.Context // ends when Raft stops; until then answers on raft links are waited for
	hangUp   context.CancelFunc

	mu struct {
		sync.Mutex
		open    map[net.Conn]struct{} // links that peers opened
		refused map[string]time.Time  // when a refusal was logged, by its words
		closed  bool
	}
}

// New returns links that last until ctx ends. The owner calls Close.
func New(ctx context.Context, o Options) *Links {
	l := &Links{o: o, ctx: ctx, cluster: o.Cluster, accepted: make(chan net.Conn), done: make(chan struct{})}
	l.twins.seen = make(map[raftfix.MemberAddr]sightOfTwin)
	l.calls, l.hangUp = context.WithCancel(context.Background())
	l.mu.open = make(map[net.Conn]struct{})
	l.mu.refused = make(map[string]time.Time)
	return l
}

// Close ends Accept and drops the links. It implements net.Listener: closing the transport is what calls it.
func (l *Links) Close() error {
	l.once.Do(func() { close(l.done) })
	l.HangUp()
	l.Drop()
	return nil
}

// Drop closes every link that a peer opened, and lets none in any more.
func (l *Links) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.closed = true
	for c := range l.mu.open {
		_ = c.Close() // it ends its server loop, which is all that matters
	}
}

// Accept implements net.Listener: the next raft link that a peer opened.
func (l *Links) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// HangUp ends the raft links that this node has opened: hashicorp/raft, when it stops, waits for what it has asked
// others, and one that is cut off would answer in its own time.
func (l *Links) HangUp() { l.hangUp() }

// Addr implements net.Listener: the address that peers know this node by.
func (l *Links) Addr() net.Addr { return nodeAddr(l.o.Addr) }

type nodeAddr string

func (nodeAddr) Network() string  { return "cairn" }
func (a nodeAddr) String() string { return string(a) }

// Dial implements raft.StreamLayer. The address is a raftfix.MemberAddr's text.
func (l *Links) Dial(addr raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(l.ctx, timeout)
	defer cancel()
	c, err := l.Open(ctx, raftfix.ParseMemberAddr(string(addr)), Raft)
	if err != nil {
		return nil, err
	}
	return raftfix.Patient(l.calls, c), nil
}

// Open opens a link of a kind to a member: at the address that is given, at the one that the operator has named
// (Options.Addresses), or at the one that the member has said to have, wherever it is found first. Without an id, it
// is to whoever is at the address.
func (l *Links) Open(ctx context.Context, to raftfix.MemberAddr, kind byte) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what is still being opened
	type opened struct {
		c   net.Conn
		err error
	}
	addrs := l.addressesOf(to)
	tries := make(chan opened, len(addrs))
	for _, addr := range addrs {
		go func() {
			c, _, err := l.dialAt(ctx, raftfix.MemberAddr{ID: to.ID, Addr: addr}, kind)
			tries <- opened{c, err}
		}()
	}
	var errs []error
	for left := len(addrs) - 1; left >= 0; left-- {
		first := <-tries
		if first.err != nil {
			errs = append(errs, first.err)
			continue
		}
		go func() { // the others have been told to end
			for range left {
				if other := <-tries; other.err == nil {
					_ = other.c.Close()
				}
			}
		}()
		return first.c, nil
	}
	return nil, errors.Join(errs...)
}

// NoHost ends the address of a member that has none, and is nowhere. Nobody has such a name (RFC 2606).
const NoHost = ".invalid:1"

func isNowhere(addr string) bool { return strings.HasSuffix(addr, NoHost) }

// addressesOf returns the addresses at which to look for a member. Who has this node's new place may have come to its
// former one.
func (l *Links) addressesOf(to raftfix.MemberAddr) []string {
	addrs := []string{to.Addr}
	if to.ID == "" {
		return addrs
	}
	self, _ := member(l.o.Host.Situation().Members, l.o.ID)
	for _, addr := range []string{l.o.Addresses[to.ID], l.addressBook.lookUp(to.ID), string(self.Address)} {
		if addr != "" && addr != l.o.Addr && !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// dialAt opens a link of a kind to the node at an address, which must be the member that is named, if one is.
func (l *Links) dialAt(ctx context.Context, to raftfix.MemberAddr, kind byte) (_ net.Conn, peer Hello, err error) {
	if isNowhere(to.Addr) {
		return nil, peer, fmt.Errorf("link: link to %s: it has no address", to.ID)
	}
	c, err := l.o.Dial(ctx, to.Addr)
	if err != nil {
		return nil, peer, fmt.Errorf("link: link to %s: %w", to.Addr, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	if _, err = io.WriteString(c, Preface); err == nil {
		peer, err = l.introduce(c, kind, to.ID)
	}
	if !stop() {
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		if errors.Is(err, ErrRefused) {
			l.noteRefusal("link refused", to.Addr, err)
		}
		return nil, peer, errors.Join(fmt.Errorf("link: link to %s: %w", to.Addr, err), c.Close())
	}
	return c, peer, nil
}

// refusalPause is how long a refusal that is made over and over is not logged again.
const refusalPause = 30 * time.Second

// maxRefusals bounds how many refusals are remembered. Strangers can make more: then all of them wait.
const maxRefusals = 64

// noteRefusal logs that a link was refused, once in a while. What strangers come with has words of its own, for a
// message is bounded in all.
func (l *Links) noteRefusal(what, peer string, err error) {
	host, _, splitErr := net.SplitHostPort(peer)
	if splitErr != nil {
		host = peer
	}
	words, now := what+" "+host+" "+err.Error(), time.Now()
	l.mu.Lock()
	maps.DeleteFunc(l.mu.refused, func(_ string, at time.Time) bool { return now.Sub(at) >= refusalPause })
	_, said := l.mu.refused[words]
	full := len(l.mu.refused) >= maxRefusals
	if !said && !full {
		l.mu.refused[words] = now
	}
	l.mu.Unlock()
	if !said && !full {
		l.o.Logger.Warn(what, "peer", peer, "err", err)
	}
}

// Serve is Replica.ServeLink.
func (l *Links) Serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	if !l.track(c) {
		return
	}
	defer l.untrack(c)
	_ = c.SetDeadline(time.Now().Add(handshakeTimeout)) // an error shows at the next read
	peer, err := l.welcome(c)
	if err != nil {
		l.noteRefusal("a peer's link refused", c.RemoteAddr().String(), err)
		return
	}
	_ = c.SetDeadline(time.Time{})
	if peer.kind == Raft {
		l.hand(c)
		return
	}
	if err := l.o.Host.Serve(c, peer); !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		l.o.Logger.Debug("link ended", "peer", peer.ID, "err", err)
	}
}

// meet is called once a link has proved itself, before it is used. Only one between members says anything of either's
// past.
func (l *Links) meet(own, peer Hello, bound bool) error {
	now := l.o.Host.Situation()
	if err := l.learnCluster(own, peer, bound, now.Waits); err != nil || !bound {
		return err
	}
	return l.o.Guard.Meet(now.HasState, peer.hasState)
}

func (l *Links) track(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.mu.closed {
		l.mu.open[c] = struct{}{}
	}
	return !l.mu.closed
}

func (l *Links) untrack(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.mu.open, c)
}

// hand gives a raft link to the transport and waits until the transport has closed it.
func (l *Links) hand(c net.Conn) {
	w := &watchedConn{Conn: c, closed: make(chan struct{})}
	select {
	case l.accepted <- w:
	case <-l.done:
		return
	}
	select {
	case <-w.closed:
	case <-l.done:
	}
}

// watchedConn tells when it is closed.
type watchedConn struct {
	net.Conn
	closed chan struct{}
	once   sync.Once
}

// Close implements net.Conn.
func (w *watchedConn) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.Conn.Close()
}
