package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/raftfix"
)

// The kinds of link. A link is a connection between two nodes on the port that clients use too.
const (
	raftLink  = 'R' // hashicorp/raft's own protocol
	queryLink = 'Q' // this package's: read indexes and progress
)

// handshakeTimeout bounds how long a link may take to prove itself.
const handshakeTimeout = 5 * time.Second

// rpcTimeout bounds one exchange on a link; on a raft link, how long it stands still.
const rpcTimeout = 5 * time.Second

// links are the connections of this node with its peers. It is the raft.StreamLayer of the transport.
type links struct {
	*node
	cluster     *clusterNote
	twins       twins
	addresses   map[string]string // where the operator says that members are, by id; it does not change
	whereabouts whereabouts
	guard       *raftfix.VoteGuard
	founding    *founding
	admin       *admin
	queries     *queries

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

func newLinks(n *node, c *clusterNote, b *raftfix.VoteGuard) *links {
	l := &links{node: n, cluster: c, guard: b, addresses: make(map[string]string), accepted: make(chan net.Conn), done: make(chan struct{})}
	for _, p := range n.o.Peers {
		l.addresses[p.ID] = p.Addr
	}
	l.twins.seen = make(map[raftfix.MemberAddr]sightOfTwin)
	l.calls, l.hangUp = context.WithCancel(context.Background())
	l.mu.open = make(map[net.Conn]struct{})
	l.mu.refused = make(map[string]time.Time)
	return l
}

// Close ends Accept and drops the links. It implements net.Listener: closing the transport is what calls it.
func (l *links) Close() error {
	l.once.Do(func() { close(l.done) })
	l.hangUp()
	l.drop()
	return nil
}

// drop closes every link that a peer opened, and lets none in any more.
func (l *links) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.closed = true
	for c := range l.mu.open {
		_ = c.Close() // it ends its server loop, which is all that matters
	}
}

// Accept implements net.Listener: the next raft link that a peer opened.
func (l *links) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener: the address that peers know this node by.
func (l *links) Addr() net.Addr { return nodeAddr(l.o.Addr) }

type nodeAddr string

func (nodeAddr) Network() string  { return "cairn" }
func (a nodeAddr) String() string { return string(a) }

// Dial implements raft.StreamLayer. The address is a raftfix.MemberAddr's text.
func (l *links) Dial(addr raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(l.ctx, timeout)
	defer cancel()
	c, err := l.dial(ctx, raftfix.ParseMemberAddr(string(addr)), raftLink)
	if err != nil {
		return nil, err
	}
	return raftfix.Patient(l.calls, c), nil
}

// dial opens a link of a kind to a member: at the address that is given, at the one that the operator has named (Options.Peers), or
// at the one that the member has said to have, wherever it is found first. Without an id, it is to whoever is at the address.
func (l *links) dial(ctx context.Context, to raftfix.MemberAddr, kind byte) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what is still being opened
	type opened struct {
		c   net.Conn
		err error
	}
	self, _ := l.known().find(l.o.ID)
	addrs := l.placesOf(to, self)
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

// placesOf returns the addresses at which to look for a member; self is what the configuration says of this node: who has its new place may
// have come to its former one.
func (l *links) placesOf(to raftfix.MemberAddr, self raft.Server) []string {
	addrs := []string{to.Addr}
	if to.ID == "" {
		return addrs
	}
	for _, addr := range []string{l.addresses[to.ID], l.whereabouts.of(to.ID), string(self.Address)} {
		if addr != "" && addr != l.o.Addr && !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// dialAt opens a link of a kind to the node at an address, which must be the member that is named, if one is.
func (l *links) dialAt(ctx context.Context, to raftfix.MemberAddr, kind byte) (_ net.Conn, peer hello, err error) {
	if isNowhere(to.Addr) {
		return nil, peer, fmt.Errorf("replica: link to %s: it has no address", to.ID)
	}
	c, err := l.o.Dial(ctx, to.Addr)
	if err != nil {
		return nil, peer, fmt.Errorf("replica: link to %s: %w", to.Addr, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	if _, err = io.WriteString(c, Preface); err == nil {
		peer, err = l.introduce(c, kind, to.ID)
	}
	if !stop() {
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		if errors.Is(err, errRefused) {
			l.noteRefusal("link refused", to.Addr, err)
		}
		return nil, peer, errors.Join(fmt.Errorf("replica: link to %s: %w", to.Addr, err), c.Close())
	}
	return c, peer, nil
}

// refusalPause is how long a refusal that is made over and over is not logged again.
const refusalPause = 30 * time.Second

// maxRefusals bounds how many refusals are remembered. Strangers can make more: then all of them wait.
const maxRefusals = 64

// noteRefusal logs that a link was refused, once in a while. What strangers come with has words of its own, for a message is bounded in all.
func (l *links) noteRefusal(what, peer string, err error) {
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
		l.log.Warn(what, "peer", peer, "err", err)
	}
}

// serve is Replica.ServeLink.
func (l *links) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	if !l.track(c) {
		return
	}
	defer l.forget(c)
	_ = c.SetDeadline(time.Now().Add(handshakeTimeout)) // an error shows at the next read
	peer, err := l.welcome(c)
	if err != nil {
		l.noteRefusal("a peer's link refused", c.RemoteAddr().String(), err)
		return
	}
	_ = c.SetDeadline(time.Time{})
	if peer.kind == raftLink {
		l.hand(c)
		return
	}
	if err := l.queries.serveQueries(c, peer); !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		l.log.Debug("link ended", "peer", peer.id, "err", err)
	}
}

// meet is called once a link has proved itself, before it is used. Only one between members says anything of either's past.
func (l *links) meet(own, peer hello, bound bool) error {
	if err := l.founding.know(own, peer, bound); err != nil || !bound {
		return err
	}
	return l.guard.Meet(l.hasPast(), peer.past)
}

func (l *links) track(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.mu.closed {
		l.mu.open[c] = struct{}{}
	}
	return !l.mu.closed
}

func (l *links) forget(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.mu.open, c)
}

// hand gives a raft link to the transport and waits until the transport has closed it.
func (l *links) hand(c net.Conn) {
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
