package replica

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"cairn/fsm/command"
	"cairn/fsm/entry"
)

// TestNotLeaderYet: a write waits while no other node is known to lead, and is told which one does. It is not sent to
// this node itself.
func TestNotLeaderYet(t *testing.T) {
	l := newLone(t)
	write := func(wait time.Duration) (time.Duration, error) {
		began := time.Now() // before the wait: a busy machine may stop between the two
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		defer cancel()
		_, err := l.r.Write(ctx, []entry.Group{{Calls: []entry.Call{{Argv: [][]byte{[]byte(command.TickName)}}}}})
		return time.Since(began), err
	}
	leads := func(addr string, term uint64) {
		h := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("n2"), Addr: []byte("n2/" + addr)}
		l.ask(&raft.AppendEntriesRequest{RPCHeader: h, Term: term}, nil)
	}
	const wait = 200 * time.Millisecond
	if waited, err := write(wait); !errors.Is(err, ErrNoLeader) || waited < wait || l.r.Leader() != (Leader{}) {
		t.Errorf("nobody leads: %v after %v; %+v", err, waited, l.r.Leader())
	}
	if last := l.r.Status().LastContact; last != -1 {
		t.Errorf("nobody has led, and a leader was heard %v ago", last)
	}
	done := make(chan error, 1)
	go func() {
		_, err := write(time.Minute)
		done <- err
	}()
	leads("a2", 2)
	err, other := <-done, (*NotLeaderError)(nil)
	if !errors.As(err, &other) || !errors.Is(err, ErrNotLeader) || other.Leader != (Leader{ID: "n2", Addr: "a2"}) || l.r.Leader() != other.Leader {
		t.Errorf("n2 leads: %v; %+v", err, l.r.Leader())
	}
	if last := l.r.Status().LastContact; last < 0 {
		t.Errorf("n2 leads, and was heard %v ago", last)
	}
	leads("a1", 3)
	if waited, err := write(wait); !errors.Is(err, ErrNoLeader) || waited < wait {
		t.Errorf("n2 leads at this node's address: %v after %v", err, waited)
	}
}
