package resp

import (
	"bytes"
	"errors"
	"time"

	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// staleClient notices a client that takes this node for the leader and does not follow MOVED: one that has found its
// master by a sentinel. Redis's sentinels close the connections of a master that they depose, which is how such
// clients, redis-py's and ioredis among them, come to ask for the new one; so this closes a connection, once its
// replies are written.
//
// Replies to a stale client are kept until then: callers that share the connection wait for them and send
// nothing, so that each of them is told once. Whatever still comes is a pipeline that was on its way, and is answered
// to its end, or from callers that wait for nobody, which may go on for a moment only. A library that finds the end in
// the middle of a pipeline sends all of it again, also what was done.
//
// A cluster client has nothing under way there and connects again when it needs to. Whoever writes to a follower by
// mistake, at a prompt say, is told so as often as Redis would tell, but not for ever: a sentinel that was cut off
// may have sent a client here.
type staleClient struct {
	redirects int
	since     time.Time // when there were too many
	bytes     int       // that have come since then
}

// Bounds of a connection whose client is stale.
const (
	staleRedirects = 16                     // writes that may be redirected in a row; each pipelined batch counts for one
	staleQuiet     = 20 * time.Millisecond  // without a byte: it waits for its answers
	staleWait      = 100 * time.Millisecond // it is closed after, if it never is quiet
	staleBulk      = 64 << 10               // bytes: one that has sent more is in a large pipeline
	staleMost      = time.Second            // and closed after that
)

// setLimit is called when the connection's first bytes have come. At a leader, or who may be about to lead, the first
// redirect is one too many.
func (a *staleClient) setLimit(st replica.Status) {
	if st.LeaderID == st.ID || st.LeaderID == "" {
		a.redirects = staleRedirects - 1
	}
}

// noteWrites looks at how a run of writes was answered; err is the backend's.
func (a *staleClient) noteWrites(replies []reply.Reply, err error) {
	switch {
	case a.isStale():
	case err == nil:
		a.redirects = staleRedirects - 1
	case errors.Is(err, replica.ErrNotLeader) && bytes.HasPrefix(replies[0].Str, []byte("MOVED ")):
		a.redirects++
		a.since, a.bytes = time.Now(), 0
	}
}

// isStale tells whether the connection shall end, once it is quiet.
func (a *staleClient) isStale() bool { return a.redirects >= staleRedirects }

// waitedEnough tells whether it has been given time enough to become quiet; between, whether it is between two calls.
func (a *staleClient) waitedEnough(between bool) bool {
	if !a.isStale() {
		return false
	}
	took := time.Since(a.since)
	return took > staleWait && between && a.bytes < staleBulk || took > staleMost
}
