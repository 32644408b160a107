package replica

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
)

// askRequest is the question of a query link that is followed by a frame, a request in JSON, and answered by a frame,
// a response.
const askRequest = 'O'

// The verbs of a request.
const (
	verbWho      = "who"      // who are you; every node answers
	verbInvite   = "invite"   // join the cluster that the node at Addr belongs to; a node that waits for a cluster answers
	verbJoin     = "join"     // let the configuration say what the request says of its sender; the leader answers, as below
	verbKeep     = "keep"     // is the sender a member
	verbForget   = "forget"   // remove a member
	verbDemote   = "demote"   // take a member's vote
	verbTransfer = "transfer" // hand leadership to a member
)

// request is what a node asks of another about the cluster. Only links that have proved the cluster's secret carry one.
type request struct {
	Verb     string `json:"verb"`
	ID       string `json:"id,omitempty"`      // the member it is about
	Addr     string `json:"addr,omitempty"`    // where that is reached
	Run      string `json:"run,omitempty"`     // of join: the sender's process
	Vote     bool   `json:"vote,omitempty"`    // of join: it has caught up and wants a vote
	HasState bool   `json:"past,omitempty"`    // of join: the sender's disk is not empty
	Applied  uint64 `json:"applied,omitempty"` // of join: how far the sender is
	Format   uint32 `json:"format,omitempty"`  // of join: layout.FormatVersion
	Force    bool   `json:"force,omitempty"`
	Again    bool   `json:"again,omitempty"` // it was given before, and may have been carried out
}

// response answers a request.
type response struct {
	Done    bool   `json:"done,omitempty"`
	Refused string `json:"refused,omitempty"` // why it will not be done
	Wait    string `json:"wait,omitempty"`    // why it is not done yet
	Leader  string `json:"leader,omitempty"`  // the node to ask in this one's place: a raftfix.MemberAddr
	Removed bool   `json:"removed,omitempty"` // of keep: the sender is no member
	ID      string `json:"id,omitempty"`      // of who
	Run     string `json:"run,omitempty"`     // of who
}

// Refusal is why a change of the cluster was not made, in words for its operator.
type Refusal string

// Error implements error.
func (r Refusal) Error() string { return string(r) }

func refused(format string, args ...any) response {
	return response{Refused: fmt.Sprintf(format, args...)}
}

// admin carries requests between nodes, and has them carried out.
type admin struct {
	*node
	links      *link.Links
	proposer   *proposer
	membership *membership
	standing   *standing
}

// requestTimeout bounds a request to one node: a change of the configuration is a commit, a transfer an election
// time-out.
const requestTimeout = 10 * time.Second

// serveRequest answers one request on a query link.
func (a *admin) serveRequest(c net.Conn, bound bool) error {
	_ = c.SetReadDeadline(time.Now().Add(rpcTimeout)) // an error shows at the read
	b, err := link.ReadFrame(c)
	if err != nil {
		return err
	}
	_ = c.SetReadDeadline(time.Time{})
	var o request
	if err := json.Unmarshal(b, &o); err != nil {
		return fmt.Errorf("replica: not a request: %w", err)
	}
	if !bound && o.Verb != verbWho && o.Verb != verbInvite && o.Verb != verbJoin {
		return fmt.Errorf("replica: request %q on a link for anyone", o.Verb)
	}
	ctx, cancel := context.WithTimeout(a.ctx, requestTimeout)
	defer cancel()
	if b, err = json.Marshal(a.execute(ctx, o)); err != nil {
		return fmt.Errorf("replica: write a response: %w", err)
	}
	_ = c.SetWriteDeadline(time.Now().Add(rpcTimeout)) // an error shows at the write
	return link.WriteFrame(c, b)
}

// send gives a request to a member, or to whoever is at an address, on a link of its own.
func (a *admin) send(ctx context.Context, to raftfix.MemberAddr, o request) (response, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	c, err := a.links.Open(ctx, to, link.Query)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = c.Close() }() // nothing is owed to it
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	b, err := json.Marshal(o)
	if err != nil {
		return response{}, fmt.Errorf("replica: write a request: %w", err)
	}
	if _, err := c.Write([]byte{askRequest}); err != nil {
		return response{}, fmt.Errorf("replica: request to %s: %w", to.Addr, err)
	}
	if err := link.WriteFrame(c, b); err != nil {
		return response{}, fmt.Errorf("replica: request to %s: %w", to.Addr, err)
	}
	var v response
	if b, err = link.ReadFrame(c); err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		return response{}, fmt.Errorf("replica: request to %s: %w", to.Addr, err)
	}
	return v, nil
}

// requestPause is the time between two tries of a request.
const requestPause = 100 * time.Millisecond

// command has a request carried out by the leader, whoever that is and becomes, until ctx ends. The others are asked
// who leads as long as this node does not know.
func (a *admin) command(ctx context.Context, o request, others ...raftfix.MemberAddr) (response, error) {
	last := error(ErrNoLeader)
	next := raftfix.MemberAddr{}
	for try := 0; ; try++ {
		changed := a.changed.Next()
		v, err := a.commandOnce(ctx, o, next, try, others)
		next, o.Again = raftfix.MemberAddr{}, true
		switch {
		case v.Done, v.Removed:
			return v, nil
		case v.Refused != "":
			return v, Refusal(v.Refused)
		case isFinal(err):
			return v, Refusal(err.Error())
		case v.Leader != "" && try%8 != 7: // two nodes that name each other end here
			next = raftfix.ParseMemberAddr(v.Leader)
			continue
		case v.Wait != "":
			last = errors.New(v.Wait)
		case err != nil:
			last = err
		}
		if !a.pauseOrChange(ctx, changed) {
			return v, last
		}
		if !a.pause(requestPause, ctx.Done()) {
			return v, last
		}
	}
}

// isFinal says that a link was refused for a reason that others have too: another cluster, another secret.
func isFinal(err error) bool {
	var r *link.Refusal
	return errors.As(err, &r) && r.Final
}

// commandOnce asks next, or this node when it leads, or the leader, or the try-th of others.
func (a *admin) commandOnce(ctx context.Context, o request, next raftfix.MemberAddr, try int, others []raftfix.MemberAddr) (response, error) {
	leader, led := a.leaderAt()
	switch {
	case next.Addr != "":
		return a.send(ctx, next, o)
	case a.raft.State() == raft.Leader:
		return a.execute(ctx, o), nil
	case led && leader.ID != a.o.ID:
		return a.send(ctx, leader, o)
	case len(others) > 0:
		return a.send(ctx, others[try%len(others)], o)
	}
	return response{}, ErrNoLeader
}

// execute carries out a request, or says who does.
func (a *admin) execute(ctx context.Context, o request) response {
	switch o.Verb {
	case verbWho:
		return response{Done: true, ID: a.o.ID, Run: a.run}
	case verbInvite:
		return a.standing.invited(ctx, o)
	}
	if a.raft.State() != raft.Leader {
		if leader, led := a.leaderAt(); led && leader.ID != a.o.ID {
			return response{Leader: leader.String()}
		}
		return response{}
	}
	if !a.proposer.enter() { // Close waits: a Raft that is shut down leaves futures unanswered
		return response{}
	}
	defer a.proposer.waiting.Done()
	switch o.Verb {
	case verbJoin:
		return a.membership.admit(ctx, o)
	case verbKeep:
		return a.membership.tellMembership(ctx, o)
	case verbForget, verbDemote:
		return a.membership.removeOrDemote(ctx, o)
	case verbTransfer:
		return a.membership.handOver(o)
	}
	return refused("this node does not know the order %q: it runs an older program", o.Verb)
}
