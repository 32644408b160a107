package replica

import (
	"io"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// transport is hashicorp/raft's network transport with an ear on it: it notes who follows this node, and keeps a node that
// must not vote out of elections.
type transport struct {
	*raft.NetworkTransport
	disk     *disk
	contacts *contacts
	ballot   *ballot
	past     past
	beat     time.Duration // between two appends that say nothing new, at least
	streams  *streams
	offers   *offers
	wanted   func(id raft.ServerID, term uint64) bool // this node leads in term, and a peer is a member
	requests chan raft.RPC                            // what peers ask, without what ballot refuses
	done     chan struct{}
	once     sync.Once
	wg       sync.WaitGroup
}

func newTransport(layer raft.StreamLayer, d *disk, s *streams, f *offers, c *contacts, b *ballot, wanted func(raft.ServerID, uint64) bool, o Options) *transport {
	t := &transport{
		NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: layer, MaxPool: 3, MaxRPCsInFlight: 2, Timeout: o.paced(rpcTimeout), Logger: newRaftLogger(o.Logger),
		}),
		disk: d, streams: s, offers: f, contacts: c, ballot: b, wanted: wanted, past: past{o.Log, o.Machine, o.Snapshots}, beat: o.Heartbeat / 4, requests: make(chan raft.RPC), done: make(chan struct{}),
	}
	t.wg.Go(t.filter)
	return t
}

// bound names a member and its address to the library, which pools links by what it takes for the address, and dials it. A link that was
// opened for one member then never serves another one that comes to the same address.
func bound(id raft.ServerID, addr raft.ServerAddress) raft.ServerAddress {
	return raft.ServerAddress(memberAddr{string(id), string(addr)}.String())
}

// EncodePeer implements raft.Transport. Raft introduces itself by it, and remembers by it whom it has voted for in a term: by the address
// alone, two members that change places could have its vote both.
func (t *transport) EncodePeer(id raft.ServerID, addr raft.ServerAddress) []byte {
	return []byte(bound(id, addr))
}

// TimeoutNow implements raft.Transport.
func (t *transport) TimeoutNow(id raft.ServerID, target raft.ServerAddress, req *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	return t.NetworkTransport.TimeoutNow(id, bound(id, target), req, resp)
}

// Consumer implements raft.Transport.
func (t *transport) Consumer() <-chan raft.RPC { return t.requests }

// filter hands requests on in the order in which they came.
func (t *transport) filter() {
	for {
		select {
		case request := <-t.NetworkTransport.Consumer():
			t.take(request)
		case <-t.done:
			return
		}
	}
}

func (t *transport) take(request raft.RPC) {
	if err := t.ballot.refuses(request.Command); err != nil {
		request.Respond(nil, err)
		return
	}
	switch req := request.Command.(type) {
	case *raft.AppendEntriesRequest:
		// One who answers a leader has what it answers for. What this node stored as a leader that leader may have too, but only what came before its election,
		// and so before this request.
		t.disk.awaitEarly()
		t.handAppend(request, req)
	case *raft.InstallSnapshotRequest:
		t.handInstall(request, req)
	default:
		t.hand(request)
	}
}

// hand gives a request to Raft.
func (t *transport) hand(request raft.RPC) {
	select {
	case t.requests <- request:
	case <-t.done:
	}
}

// AppendEntries implements raft.Transport. Heartbeats come this way too.
func (t *transport) AppendEntries(id raft.ServerID, target raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if !isHeartbeat(req) {
		t.offers.appends(id)
	}
	req.LeaderCommitIndex = t.disk.clamp(req.LeaderCommitIndex)
	sent := time.Now()
	err := t.NetworkTransport.AppendEntries(id, bound(id, target), req, resp)
	if err == nil && resp.Success && resp.Term == req.Term {
		t.contacts.answered(id, req.Term, sent)
	}
	if err == nil {
		t.contacts.reached(id, sent)
	}
	if err != nil && !isHeartbeat(req) {
		// After each failure Raft waits twice as long before it tries again, at last for ten seconds, and a node that comes back would
		// lie there without entries. Heartbeats go on, at short intervals: they tell when it is back.
		t.contacts.await(id, sent, func() bool { return t.wanted(id, req.Term) }, t.done)
	}
	return err
}

// AppendEntriesPipeline implements raft.Transport.
func (t *transport) AppendEntriesPipeline(id raft.ServerID, target raft.ServerAddress) (raft.AppendPipeline, error) {
	p, err := t.NetworkTransport.AppendEntriesPipeline(id, bound(id, target))
	if err != nil {
		return nil, err
	}
	return newPipeline(p, t.beat, t.disk.clamp, func() { t.offers.appends(id) }), nil
}

// InstallSnapshot implements raft.Transport.
func (t *transport) InstallSnapshot(id raft.ServerID, target raft.ServerAddress, req *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	select {
	case t.streams.hold.begun <- id:
	case <-t.streams.ctx.Done(): // done comes later: Close waits for Raft, and Raft for this
		return raft.ErrTransportShutdown
	}
	m := t.streams.begin(Stream{Peer: string(id), Sending: true, Size: req.Size}, data)
	err := t.NetworkTransport.InstallSnapshot(id, bound(id, target), req, resp, m)
	m.end(err)
	return err
}

// RequestVote implements raft.Transport.
func (t *transport) RequestVote(id raft.ServerID, target raft.ServerAddress, req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	if t.ballot.rejoining.Load() {
		return errRejoining
	}
	return t.NetworkTransport.RequestVote(id, bound(id, target), req, resp)
}

// RequestPreVote implements raft.WithPreVote.
func (t *transport) RequestPreVote(id raft.ServerID, target raft.ServerAddress, req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	if t.ballot.rejoining.Load() {
		return errRejoining
	}
	return t.NetworkTransport.RequestPreVote(id, bound(id, target), req, resp)
}

// Close implements raft.WithClose. It is idempotent.
func (t *transport) Close() error {
	err := t.NetworkTransport.Close()
	t.once.Do(func() { close(t.done) })
	t.wg.Wait()
	t.CloseStreams() // the pool's connections; Close of the library leaves them open
	return err
}

// stand makes this node stand for election, whoever leads.
func (t *transport) stand() {
	now := &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax}}
	t.hand(raft.RPC{Command: now, RespChan: make(chan raft.RPCResponse, 1)})
}
