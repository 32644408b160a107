package replica

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// The questions on a query link. Each but askChecksum is one byte; the answer to each but that is
//
//	status uint8 | index uint64 BE | time uint64 BE, Unix milliseconds
const (
	askIndex    = 'I' // a read index: the asked node leads, has proved it, and has applied index
	askTick     = 'T' // the same after the log's time has moved on
	askProgress = 'P' // how far the node has applied, whatever it is
	askChecksum = 'C' // see verify.go
	askTerm     = 'V' // the term that the node is in, in the place of an index

	answerLen = 1 + 8 + 8
)

// The statuses of an answer.
const (
	answerOK        = 0
	answerNotLeader = 1
	answerNotReady  = 2
	answerNoQuorum  = 3
)

// serveQueries answers a peer until the link ends. On a link that was not opened for this member it takes orders only: an answer to a
// question counts for the member that was asked.
func (r *Replica) serveQueries(c net.Conn, bound bool) error {
	var question [1]byte
	for {
		if _, err := io.ReadFull(c, question[:]); err != nil {
			return err
		}
		if question[0] == askOrder {
			if err := r.serveOrder(c, bound); err != nil {
				return err
			}
			continue
		}
		if !bound {
			return fmt.Errorf("replica: question %q on a link for orders", question[0])
		}
		var answer []byte
		var err error
		if question[0] == askChecksum {
			answer, err = r.answerChecksum(c)
		} else {
			answer, err = r.answer(question[0])
		}
		if err != nil {
			return err
		}
		_ = c.SetWriteDeadline(time.Now().Add(rpcTimeout)) // an error shows at the write
		if _, err := c.Write(answer); err != nil {
			return err
		}
	}
}

func (r *Replica) answer(question byte) ([]byte, error) {
	var got confirmed
	var err error
	switch question {
	case askProgress:
		got = confirmed{r.machine.Applied().Index, r.clock.now()}
	case askTerm:
		got.index = r.raft.CurrentTerm()
	case askIndex, askTick:
		if err = ErrNotLeader; r.raft.State() == raft.Leader {
			got, err = r.leader.join(question == askTick)
		}
	default:
		return nil, fmt.Errorf("replica: unknown question %q", question)
	}
	b := binary.BigEndian.AppendUint64([]byte{statusOf(err)}, got.index)
	return binary.BigEndian.AppendUint64(b, uint64(got.now)), nil
}

func statusOf(err error) byte {
	switch {
	case err == nil:
		return answerOK
	case errors.Is(err, ErrNotLeader) || errors.Is(err, raft.ErrNotLeader):
		return answerNotLeader
	case errors.Is(err, errNotReady):
		return answerNotReady
	}
	return answerNoQuorum
}

// asker asks one peer at a time over a link that it keeps. It is for one goroutine.
type asker struct {
	l    *links
	to   memberAddr
	conn net.Conn
}

// ask sends a question to a member.
func (a *asker) ask(ctx context.Context, to memberAddr, question byte) (confirmed, error) {
	var b [answerLen]byte
	if err := a.exchange(ctx, to, []byte{question}, b[:]); err != nil {
		return confirmed{}, err
	}
	return parseAnswer(b)
}

func parseAnswer(b [answerLen]byte) (confirmed, error) {
	got := confirmed{binary.BigEndian.Uint64(b[1:]), int64(binary.BigEndian.Uint64(b[9:]))}
	switch b[0] {
	case answerOK:
		return got, nil
	case answerNotLeader:
		return confirmed{}, ErrNotLeader
	case answerNotReady:
		return confirmed{}, errNotReady
	}
	return confirmed{}, ErrNoQuorum
}

// exchange sends a question to a member and fills answer with what comes back. After an error it drops the link.
func (a *asker) exchange(ctx context.Context, to memberAddr, question, answer []byte) (err error) {
	if err := a.dial(ctx, to); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	defer a.limit(ctx)()
	if err := a.send(question); err != nil {
		return err
	}
	_, err = a.receive(answer)
	return err
}

// linked reports whether there is a link to a member at its address.
func (a *asker) linked(to memberAddr) bool { return a.conn != nil && a.to == to }

// dial makes a link to a member, unless there is one.
func (a *asker) dial(ctx context.Context, to memberAddr) error {
	if a.linked(to) {
		return nil
	}
	a.close()
	c, err := a.l.dial(ctx, to, queryLink)
	if err != nil {
		return err
	}
	a.conn, a.to = c, to
	return nil
}

// limit lets what is sent and received fail once ctx has ended, until stop is called.
func (a *asker) limit(ctx context.Context) (stop func()) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(rpcTimeout)
	}
	conn := a.conn
	_ = conn.SetDeadline(deadline) // an error shows at the write
	after := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return func() { after() }
}

func (a *asker) send(question []byte) error {
	if _, err := a.conn.Write(question); err != nil {
		return fmt.Errorf("replica: ask %s: %w", a.to, err)
	}
	return nil
}

// receive fills answer, and says how much of it has come.
func (a *asker) receive(answer []byte) (n int, err error) {
	if n, err = io.ReadFull(a.conn, answer); err != nil {
		err = fmt.Errorf("replica: ask %s: %w", a.to, err)
	}
	return n, err
}

func (a *asker) close() {
	if a.conn != nil {
		_ = a.conn.Close() // nothing is owed to it
		a.conn = nil
	}
}

// leaderAt returns the leader that this node knows of, at the address that it gave itself; ok is false when there is none.
func (r *Replica) leaderAt() (leader memberAddr, ok bool) {
	addr, id := r.raft.LeaderWithID()
	if addr == "" || id == "" {
		return memberAddr{}, false
	}
	return memberAddr{string(id), parseMemberAddr(string(addr)).addr}, true
}

// askLeader is one read round of a follower.
func (r *Replica) askLeader(until time.Time, tick bool) (confirmed, error) {
	leader, ok := r.leaderAt()
	if !ok || leader.id == r.o.ID {
		return confirmed{}, ErrNoLeader
	}
	question := byte(askIndex)
	if tick {
		question = askTick
	}
	ctx, cancel := context.WithDeadline(r.ctx, until)
	defer cancel()
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel() // ends the watch
	watch.Go(func() { r.whileLeads(ctx, raft.ServerID(leader.id), cancel) })
	return r.leaderAsker.ask(ctx, leader, question)
}

// whileLeads returns when ctx ends, or when another node than id has become the known leader, which it tells by gone: the
// old one may have died without a word.
func (r *Replica) whileLeads(ctx context.Context, id raft.ServerID, gone func()) {
	for {
		changed := r.changed.next()
		if _, now := r.raft.LeaderWithID(); now != id {
			gone()
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
