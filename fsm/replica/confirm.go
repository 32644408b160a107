package replica

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
)

// confirmers ask the other voters which term they are in, each over a link of its own. One that is still in this
// leader's term has not voted for a later leader before it was asked, which is all that a read must know of a
// majority.
//
// raft.VerifyLeader would do the same by heartbeats, but by way of Raft's main loop, which stands still while an
// entry is being synced, and counts answers that say nothing about the moment. An answer does not bind the voter, as
// one to a heartbeat does: it is worth nothing for a lease.
type confirmers struct {
	*node
	links   *link.Links
	answers *raftfix.Contacts

	mu struct {
		sync.Mutex
		of map[raft.ServerID]*confirmer
	}
}

// confirmer asks one voter.
type confirmer struct {
	id    raft.ServerID
	calls chan call // holds the newest; sent to under confirmers.mu
	asked time.Time // when it was last told to; guarded by confirmers.mu

	mu   sync.Mutex // held by who asks
	link *asker
	term uint64    // this node's when the question was sent that is not answered yet
	sent time.Time // when that was; zero when there is none
}

// call tells a confirmer where to ask, for a round that began at since.
type call struct {
	to    raftfix.MemberAddr
	since time.Time
}

func newConfirmers(n *node, l *link.Links) *confirmers {
	c := &confirmers{node: n, links: l, answers: raftfix.NewContacts()}
	c.mu.of = make(map[raft.ServerID]*confirmer)
	return c
}

// others returns the voters beside this node.
func (c *confirmers) others(voters []raft.Server) []raft.Server {
	return slices.DeleteFunc(slices.Clone(voters), func(s raft.Server) bool { return string(s.ID) == c.o.ID })
}

// nearest returns as many others as a majority needs, those who answered last first.
func (c *confirmers) nearest(voters []raft.Server) []raft.Server {
	others := c.others(voters)
	c.answers.Sort(others)
	return others[:min(len(others), len(voters)/2)]
}

// confirmerLocked returns the one that asks a voter.
func (c *confirmers) confirmerLocked(id raft.ServerID) *confirmer {
	to := c.mu.of[id]
	if to == nil {
		to = &confirmer{id: id, calls: make(chan call, 1), link: &asker{l: c.links}}
		c.mu.of[id] = to
		c.wg.Go(func() { c.runConfirmer(to) })
	}
	return to
}

// askVoters asks voters that have not been asked after since: as many as a majority needs, those who answered last
// first, or all. What they say is in answers soon.
func (c *confirmers) askVoters(voters []raft.Server, since time.Time, all bool) {
	to := c.nearest(voters)
	if all {
		to = c.others(voters)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range to {
		to := c.confirmerLocked(v.ID)
		if !all && !to.asked.Before(since) {
			continue
		}
		to.asked = time.Now()
		select {
		case <-to.calls: // an older round's
		default:
		}
		to.calls <- call{raftfix.Located(v), since}
	}
}

// askNow asks as many voters as a majority needs in the caller's goroutine, which is the shortest way, as far as
// there are links and they are not in use. When it returns, what they say is in answers, unless it takes longer than
// they usually do.
func (c *confirmers) askNow(voters []raft.Server, term uint64) {
	var asked []*confirmer
	end := time.Now().Add(nowPause)
	for _, v := range c.nearest(voters) {
		c.mu.Lock()
		to := c.confirmerLocked(v.ID)
		c.mu.Unlock()
		if to.mu.TryLock() {
			defer to.mu.Unlock()
			if to.sendNow(raftfix.Located(v), term, end) {
				asked = append(asked, to)
			}
		}
	}
	for _, to := range asked {
		c.receive(to)
	}
}

// nowPause is how long a round waits for an answer before it thinks of other ways.
const nowPause = retryPause / 2

// sendNow sends the question if there is a link on which nothing else is under way. The link is good for it until end.
func (to *confirmer) sendNow(at raftfix.MemberAddr, term uint64, end time.Time) bool {
	if !to.link.linked(at) || !to.sent.IsZero() {
		return false
	}
	to.term, to.sent = term, time.Now()
	_ = to.link.conn.SetDeadline(end) // an error shows at the write
	if err := to.link.send([]byte{askTerm}); err != nil {
		to.closeLink()
		return false
	}
	return true
}

func (to *confirmer) closeLink() {
	to.link.closeConn()
	to.sent = time.Time{}
}

// receive takes the answer to the question that was sent. One that has not begun to come in time is still waited for.
func (c *confirmers) receive(to *confirmer) {
	var b [answerLen]byte
	n, err := to.link.receive(b[:])
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	got := confirmed{}
	if err == nil {
		got, err = parseAnswer(b)
	}
	switch {
	case err != nil:
		c.log.Debug("a voter does not say its term", "peer", string(to.id), "err", err)
		to.closeLink()
	case got.index == to.term:
		c.answers.Answered(to.id, to.term, to.sent)
	}
	to.sent = time.Time{}
}

// runConfirmer asks a voter whenever it is told to.
func (c *confirmers) runConfirmer(to *confirmer) {
	defer func() {
		to.mu.Lock()
		defer to.mu.Unlock()
		to.closeLink()
	}()
	for {
		select {
		case now := <-to.calls:
			c.askOne(to, now)
		case <-c.ctx.Done():
			return
		}
	}
}

// askOne asks a voter, unless it owes an answer that is good for the round, which is taken first.
func (c *confirmers) askOne(to *confirmer, now call) {
	ctx, cancel := context.WithTimeout(c.ctx, c.o.ElectionWait)
	defer cancel()
	to.mu.Lock()
	defer to.mu.Unlock()
	if sent := to.sent; !sent.IsZero() {
		stop := to.link.limit(ctx)
		c.receive(to)
		stop()
		if !to.sent.IsZero() { // it has not even begun to answer
			to.closeLink()
		} else if to.link.linked(now.to) && !sent.Before(now.since) {
			return
		}
	}
	if err := to.link.dial(ctx, now.to); err != nil {
		c.log.Debug("a voter cannot be asked for its term", "peer", string(to.id), "err", err)
		return
	}
	defer to.link.limit(ctx)()
	to.term, to.sent = c.raft.CurrentTerm(), time.Now()
	if err := to.link.send([]byte{askTerm}); err != nil {
		c.log.Debug("a voter cannot be asked for its term", "peer", string(to.id), "err", err)
		to.closeLink()
		return
	}
	c.receive(to)
	if !to.sent.IsZero() {
		to.closeLink()
	}
}
