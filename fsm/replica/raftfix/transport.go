package raftfix

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm"
)

// Transport is hashicorp/raft's network transport with an ear on it: it notes who follows this node, and keeps a node
// that must not vote out of elections.
type Transport struct {
	*raft.NetworkTransport
	store     *ParallelLog
	contacts  *Contacts
	guard     *VoteGuard
	appends   appendFilter
	beat      time.Duration // between two appends that say nothing new, at least
	streams   *Streams
	transfers *Transfers
	wanted    func(id raft.ServerID, term uint64) bool // this node leads in term, and a peer is a member
	requests  chan raft.RPC                            // what peers ask, without what guard refuses
	done      chan struct{}
	once      sync.Once
	wg        sync.WaitGroup
}

// TransportOptions configures a Transport. All but Timeout and Beat are required.
type TransportOptions struct {
	Timeout time.Duration // bounds how long an exchange stands still
	Beat    time.Duration // between two appends that say nothing new, at least

	Store     *ParallelLog
	Machine   *fsm.Machine
	Snapshots *fsm.Snapshots
	Streams   *Streams
	Transfers *Transfers
	Contacts  *Contacts
	Guard     *VoteGuard
	Wanted    func(id raft.ServerID, term uint64) bool // this node leads in term, and a peer is a member
	Logger    *slog.Logger
}

// NewTransport returns a transport over the links of layer. The owner calls Close.
func NewTransport(layer raft.StreamLayer, o TransportOptions) *Transport {
	t := &Transport{
		NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: layer, MaxPool: 3, MaxRPCsInFlight: 2, Timeout: o.Timeout, Logger: NewLogger(o.Logger),
		}),
		store: o.Store, streams: o.Streams, transfers: o.Transfers, contacts: o.Contacts, guard: o.Guard, wanted: o.Wanted,
		appends: appendFilter{o.Store.Store, o.Machine, o.Snapshots}, beat: o.Beat, requests: make(chan raft.RPC), done: make(chan struct{}),
	}
	t.wg.Go(t.filter)
	return t
}

// bound names a member and its address to the library, which pools links by what it takes for the address, and dials
// it. A link that was opened for one member then never serves another one that comes to the same address.
func bound(id raft.ServerID, addr raft.ServerAddress) raft.ServerAddress {
	return raft.ServerAddress(MemberAddr{string(id), string(addr)}.String())
}

// EncodePeer implements raft.Transport. Raft introduces itself by it, and remembers by it whom it has voted for in a
// term: by the address alone, two members that change places could have its vote both.
func (t *Transport) EncodePeer(id raft.ServerID, addr raft.ServerAddress) []byte {
	return []byte(bound(id, addr))
}

// TimeoutNow implements raft.Transport.
func (t *Transport) TimeoutNow(id raft.ServerID, target raft.ServerAddress, req *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	return t.NetworkTransport.TimeoutNow(id, bound(id, target), req, resp)
}

// Consumer implements raft.Transport.
func (t *Transport) Consumer() <-chan raft.RPC { return t.requests }

// filter hands requests on in the order in which they came.
func (t *Transport) filter() {
	for {
		select {
		case request := <-t.NetworkTransport.Consumer():
			t.Take(request)
		case <-t.done:
			return
		}
	}
}

// Take takes a request of a peer, as it comes from the network.
func (t *Transport) Take(request raft.RPC) {
	if err := t.guard.refuses(request.Command); err != nil {
		request.Respond(nil, err)
		return
	}
	switch req := request.Command.(type) {
	case *raft.AppendEntriesRequest:
		// One who answers a leader has what it answers for. What this node stored as a leader that leader may have
		// too, but only what came before its election, and so before this request.
		t.store.awaitEarly()
		t.handAppend(request, req)
	case *raft.InstallSnapshotRequest:
		t.handInstall(request, req)
	default:
		t.Hand(request)
	}
}

// Hand gives a request to Raft.
func (t *Transport) Hand(request raft.RPC) {
	select {
	case t.requests <- request:
	case <-t.done:
	}
}

// AppendEntries implements raft.Transport. Heartbeats come this way too.
func (t *Transport) AppendEntries(id raft.ServerID, target raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if !isHeartbeat(req) {
		t.transfers.appends(id)
	}
	req.LeaderCommitIndex = t.store.Clamp(req.LeaderCommitIndex)
	sent := time.Now()
	err := t.NetworkTransport.AppendEntries(id, bound(id, target), req, resp)
	if err == nil && resp.Success && resp.Term == req.Term {
		t.contacts.Answered(id, req.Term, sent)
	}
	if err == nil {
		t.contacts.reached(id, sent)
	}
	if err != nil && !isHeartbeat(req) {
		// After each failure Raft waits twice as long before it tries again, at last for ten seconds, and a node that
		// comes back would lie there without entries. Heartbeats go on, at short intervals: they tell when it is
		// back.
		t.contacts.await(id, sent, func() bool { return t.wanted(id, req.Term) }, t.done)
	}
	return err
}

// AppendEntriesPipeline implements raft.Transport.
func (t *Transport) AppendEntriesPipeline(id raft.ServerID, target raft.ServerAddress) (raft.AppendPipeline, error) {
	p, err := t.NetworkTransport.AppendEntriesPipeline(id, bound(id, target))
	if err != nil {
		return nil, err
	}
	return newPipeline(p, t.beat, t.store.Clamp, func() { t.transfers.appends(id) }), nil
}

// InstallSnapshot implements raft.Transport.
func (t *Transport) InstallSnapshot(id raft.ServerID, target raft.ServerAddress, req *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	select {
	case t.streams.Begun <- id:
	case <-t.streams.ctx.Done(): // done comes later: Close waits for Raft, and Raft for this
		return raft.ErrTransportShutdown
	}
	m := t.streams.Begin(Stream{Peer: string(id), Sending: true, Size: req.Size}, data)
	err := t.NetworkTransport.InstallSnapshot(id, bound(id, target), req, resp, m)
	m.End(err)
	return err
}

// RequestVote implements raft.Transport.
func (t *Transport) RequestVote(id raft.ServerID, target raft.ServerAddress, req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	if t.guard.rejoining.Load() {
		return errRejoining
	}
	return t.NetworkTransport.RequestVote(id, bound(id, target), req, resp)
}

// RequestPreVote implements raft.WithPreVote.
func (t *Transport) RequestPreVote(id raft.ServerID, target raft.ServerAddress, req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	if t.guard.rejoining.Load() {
		return errRejoining
	}
	return t.NetworkTransport.RequestPreVote(id, bound(id, target), req, resp)
}

// Close implements raft.WithClose. It is idempotent.
func (t *Transport) Close() error {
	err := t.NetworkTransport.Close()
	t.once.Do(func() { close(t.done) })
	t.wg.Wait()
	t.CloseStreams() // the pool's connections; Close of the library leaves them open
	return err
}

// Stand makes this node stand for election, whoever leads.
func (t *Transport) Stand() {
	now := &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax}}
	t.Hand(raft.RPC{Command: now, RespChan: make(chan raft.RPCResponse, 1)})
}
