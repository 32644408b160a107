package resp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// TestAnswerContract is design §6.
func TestAnswerContract(t *testing.T) {
	const moved = "MOVED 12182 10.0.0.2:7002"
	follower := replica.Status{ID: "n1", State: "follower", LeaderID: "n2", LeaderAddr: "10.0.0.2:7002"}
	nobody := replica.Status{ID: "n1", State: "follower"}
	itself := replica.Status{ID: "n1", State: "follower", LeaderID: "n1", LeaderAddr: "10.0.0.1:7001"}
	for _, test := range []struct {
		name        string
		err         error
		status      replica.Status
		write, read string
	}{
		{"not leader", replica.ErrNotLeader, follower, moved, moved},
		{"not leader, nobody leads", replica.ErrNotLeader, nobody, string(errNoLeader), string(errNoLeader)},
		{"not leader, itself leads", replica.ErrNotLeader, itself, string(errNoLeader), string(errNoLeader)},
		{"not leader, who is named", &replica.NotLeaderError{Leader: replica.Leader{ID: "n3", Addr: "10.0.0.3:7003"}}, itself, "MOVED 12182 10.0.0.3:7003", "MOVED 12182 10.0.0.3:7003"},
		{"no leader", replica.ErrNoLeader, follower, string(errNoLeader), string(errNoLeader)},
		{"in doubt", replica.ErrInDoubt, follower, string(errInDoubt), ""},
		{"no quorum", replica.ErrNoQuorum, follower, "", string(errNoQuorum)},
		{"no quorum, wrapped", fmt.Errorf("x: %w: %w", replica.ErrNoQuorum, replica.ErrNoLeader), follower, "", string(errNoQuorum)},
		{"stale", replica.ErrStale, follower, "", moved},
		{"stale, nobody leads", replica.ErrStale, nobody, "", string(errStale)},
		{"too large", replica.ErrTooLarge, follower, string(errTooLarge), ""},
		{"closed", replica.ErrClosed, follower, string(errClosed), string(errClosed)},
		{"deadline", context.DeadlineExceeded, follower, string(errInDoubt), string(errNoQuorum)},
		{"canceled", context.Canceled, follower, string(errInDoubt), string(errClosed)},
		{"unknown", errors.New("disk full"), follower, string(errInDoubt), string(errInternal)},
	} {
		t.Run(test.name, func(t *testing.T) {
			backend := &fakeBackend{}
			backend.setStatus(test.status)
			err := fmt.Errorf("wrapped: %w", test.err)
			backend.write = func(context.Context, []entry.Group) ([]reply.Reply, error) { return nil, err }
			backend.read = func(context.Context, replica.Consistency, []entry.Call) ([]reply.Reply, error) { return nil, err }
			bubble(t, Options{Backend: backend, Advertise: "10.0.0.1:7001"}, func(t *testing.T, _ *Server, dial func() *client) {
				if test.write != "" {
					dial().ask("SET foo bar\r\n", "-"+test.write+"\r\n")
				}
				if test.read != "" { // on another connection: a redirected write may be the last one
					dial().ask("GET foo\r\n", "-"+test.read+"\r\n")
				}
			})
		})
	}
}

// TestRedirectsOfABatch: each call hears of its own slot; without keys it is 0.
func TestRedirectsOfABatch(t *testing.T) {
	backend := &fakeBackend{}
	backend.setStatus(replica.Status{ID: "n1", LeaderID: "n2", LeaderAddr: "h:1"})
	backend.write = func(context.Context, []entry.Group) ([]reply.Reply, error) { return nil, replica.ErrNotLeader }
	backend.read = func(context.Context, replica.Consistency, []entry.Call) ([]reply.Reply, error) {
		return nil, replica.ErrNotLeader
	}
	_, addr := startServer(t, Options{Backend: backend})
	dial(t, addr).ask("SET foo 1\r\nSET {foo}bar 1\r\nMSET bar 1 foo 2\r\nFLUSHALL\r\nSET\r\nOBJECT ENCODING foo\r\nDBSIZE\r\nGET bar\r\n",
		"-MOVED 12182 h:1\r\n-MOVED 12182 h:1\r\n-MOVED 5061 h:1\r\n-MOVED 0 h:1\r\n-ERR wrong number of arguments for 'set' command\r\n"+
			"-MOVED 12182 h:1\r\n-MOVED 0 h:1\r\n-MOVED 5061 h:1\r\n")
}

// TestInDoubtIsNotRetryable: no client library may retry it by itself.
func TestInDoubtIsNotRetryable(t *testing.T) {
	for _, prefix := range []string{"MOVED", "ASK", "CLUSTERDOWN", "TRYAGAIN", "LOADING", "READONLY", "MASTERDOWN", "BUSY", "ERR max number"} {
		if strings.HasPrefix(string(errInDoubt), prefix) {
			t.Errorf("%q begins with %q", errInDoubt, prefix)
		}
	}
}
