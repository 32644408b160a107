package resp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// fakeVerdict is what the transcript's backend says: n1 and n2 agree, n3 is down.
func fakeVerdict(context.Context, time.Duration) (replica.Verdict, error) {
	sum := strings.Repeat("5eed", 10)
	return replica.Verdict{Index: 1234, Agree: true, Missing: 1, Nodes: []replica.Evidence{
		{ID: "n1", Addr: "10.0.0.1:6379", Status: replica.EvidenceOK, Checksum: sum},
		{ID: "n2", Addr: "10.0.0.2:6379", Status: replica.EvidenceOK, Checksum: sum},
		{ID: "n3", Addr: "10.0.0.3:6379", Status: replica.EvidenceUnreachable},
	}}, nil
}

// TestVerifyAnswers: what stands in the way of a verdict is told like a write's, but for a doubt that would hurt
// nobody.
func TestVerifyAnswers(t *testing.T) {
	for _, c := range []struct {
		err    error
		leader string // where another node leads
		want   string
	}{
		{err: replica.ErrNotLeader, leader: "127.0.0.1:7002", want: "MOVED 0 127.0.0.1:7002"},
		{err: replica.ErrNotLeader, want: string(errNoLeader)},
		{err: replica.ErrNoLeader, want: string(errNoLeader)},
		{err: replica.ErrClosed, want: string(errClosed)},
		{err: replica.ErrVerifying, want: string(errVerifying)},
		{err: fmt.Errorf("%w: lost", replica.ErrInDoubt), want: string(errVerifyLost)},
		{want: "ERR CAIRN.VERIFY is not available on this server"},
	} {
		b := leaderBackend()
		if c.leader != "" {
			b.setStatus(replica.Status{ID: "n1", State: "follower", LeaderID: "n2", LeaderAddr: c.leader})
		}
		o := Options{Backend: b}
		if c.err != nil {
			o.Verify = func(context.Context, time.Duration) (replica.Verdict, error) { return replica.Verdict{}, c.err }
		}
		_, addr := startServer(t, o)
		if r := dial(t, addr).do("CAIRN.VERIFY"); r.Kind != reply.Error || string(r.Str) != c.want {
			t.Errorf("%v: %q, want %q", c.err, r.Str, c.want)
		}
	}
}

// TestVerifyEnds: a verification hears of its time-out, and ends when its connection is killed and when the server
// stops.
func TestVerifyEnds(t *testing.T) {
	began, ended := make(chan time.Duration, 1), make(chan error, 1)
	s, addr := startServer(t, Options{Verify: func(ctx context.Context, timeout time.Duration) (replica.Verdict, error) {
		began <- timeout
		<-ctx.Done()
		ended <- ctx.Err()
		return replica.Verdict{}, replica.ErrVerifying
	}})
	begin := func(call string, want time.Duration) *client {
		t.Helper()
		cl := dial(t, addr)
		cl.send(call + "\r\n")
		if got := <-began; got != want {
			t.Errorf("%s waits for %v, want %v", call, got, want)
		}
		return cl
	}
	end := func() {
		t.Helper()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("it goes on")
		}
	}
	begin("CAIRN.VERIFY TIMEOUT 60000", time.Minute)
	dial(t, addr).do("CLIENT", "KILL", "TYPE", "normal")
	end()
	begin("CAIRN.VERIFY", verifyTimeout)
	stop, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Shutdown(stop); err != nil {
		t.Error(err)
	}
	end()
}
