package replica

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
)

// asker asks one peer at a time over a link that it keeps. It is for one goroutine.
type asker struct {
	l    *link.Links
	to   raftfix.MemberAddr
	conn net.Conn
}

// query sends a question to a member.
func (a *asker) query(ctx context.Context, to raftfix.MemberAddr, question ...byte) (confirmed, error) {
	var b [answerLen]byte
	if err := a.exchange(ctx, to, question, b[:]); err != nil {
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
func (a *asker) exchange(ctx context.Context, to raftfix.MemberAddr, question, answer []byte) (err error) {
	if err := a.dial(ctx, to); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			a.closeConn()
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
func (a *asker) linked(to raftfix.MemberAddr) bool { return a.conn != nil && a.to == to }

// dial makes a link to a member, unless there is one.
func (a *asker) dial(ctx context.Context, to raftfix.MemberAddr) error {
	if a.linked(to) {
		return nil
	}
	a.closeConn()
	c, err := a.l.Open(ctx, to, link.Query)
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

func (a *asker) closeConn() {
	if a.conn != nil {
		_ = a.conn.Close() // nothing is owed to it
		a.conn = nil
	}
}
