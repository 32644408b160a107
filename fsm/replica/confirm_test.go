package replica

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/replica/raftfix"
)

// lateVoter answers every question for its term, one after the other, late.
func lateVoter(c net.Conn, term uint64, late time.Duration) {
	questions := make(chan time.Time, 16)
	go func() {
		defer close(questions)
		for {
			if _, err := c.Read(make([]byte, 1)); err != nil {
				return
			}
			questions <- time.Now()
		}
	}()
	for asked := range questions {
		<-time.After(time.Until(asked.Add(late)))
		_, _ = c.Write(append(binary.BigEndian.AppendUint64([]byte{answerOK}, term), make([]byte, 8)...)) // the test sees what is missing
	}
}

// askedVoter is a leader, n1, that has a link to n2, which is in a term and answers late.
func askedVoter(t *testing.T, term uint64, late time.Duration) (*confirmers, *confirmer) {
	ctx, cancel := context.WithCancel(t.Context())
	n := &node{o: Options{ID: "n1", Timing: Timing{ElectionWait: time.Second}}, log: slog.New(slog.DiscardHandler), ctx: ctx}
	c := newConfirmers(n, nil)
	to := c.confirmerLocked("n2")
	here, there := net.Pipe()
	to.link.conn, to.link.to = here, raftfix.MemberAddr{ID: "n2", Addr: "n2"}
	go lateVoter(there, term, late)
	t.Cleanup(func() {
		cancel()
		n.wg.Wait() // drops the link, which ends the voter
	})
	return c, to
}

var threeVoters = []raft.Server{{ID: "n1", Address: "n1"}, {ID: "n2", Address: "n2"}, {ID: "n3", Address: "n3"}}

// TestAskNow: a voter's answer counts from when it was asked on, if it is in the leader's term.
func TestAskNow(t *testing.T) {
	for name, test := range map[string]struct {
		term  uint64
		heard bool
	}{"the same term": {7, true}, "a later term": {8, false}, "an earlier term": {6, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := askedVoter(t, test.term, nowPause/2)
				began := time.Now()
				c.askNow(threeVoters, 7)
				if at := c.answers.Of(7, "n2"); at.Equal(began) != test.heard {
					t.Errorf("heard of it as of %v; asked at %v", at, began)
				}
			})
		})
	}
}

// TestOwedAnswer: an answer that comes when the round has stopped waiting for it counts as one to its own question,
// not to a later round's.
func TestOwedAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, to := askedVoter(t, 7, nowPause*3/2) // it has no Raft, as a new question would need
		first := time.Now()
		c.askNow(threeVoters, 7)
		if waited := time.Since(first); waited != nowPause {
			t.Errorf("waited %v for an answer that is late", waited)
		}
		c.askNow(threeVoters, 7)
		if at := c.answers.Of(7, "n2"); at.After(first) {
			t.Errorf("an answer to the question of %v counts as of %v", first, at)
		}
		c.askOne(to, call{raftfix.MemberAddr{ID: "n2", Addr: "n2"}, first}) // what is owed is enough for it
		if at := c.answers.Of(7, "n2"); !at.Equal(first) {
			t.Errorf("the answer that came late counts as of %v, and its question was sent at %v", at, first)
		}
	})
}
