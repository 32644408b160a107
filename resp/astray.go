package resp

import (
	"bytes"
	"errors"

	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// astray notices a client that takes this node for the leader and does not follow MOVED: one that has found its master by a
// sentinel. Redis's sentinels close the connections of a master that they depose, which is how such clients, redis-py's and ioredis
// among them, come to ask for the new one; so this closes a connection, once its replies are written.
//
// A cluster client has nothing under way there and connects again when it needs to. Whoever writes to a follower by mistake, at a
// prompt say, is told so as often as Redis would tell, but not for ever: a sentinel that was cut off may have sent a client here.
type astray int

// astrayLimit is how many writes in a row may be redirected; each pipelined batch counts for one.
const astrayLimit = 16

// begin is called when the connection's first bytes have come. A leader, or who may be about to lead, is found astray at once.
func (a *astray) begin(st replica.Status) {
	if st.LeaderID == st.ID || st.LeaderID == "" {
		*a = astrayLimit - 1
	}
}

// note looks at how a run of writes was answered; err is the backend's.
func (a *astray) note(replies []reply.Reply, err error) {
	switch {
	case err == nil:
		*a = astrayLimit - 1
	case errors.Is(err, replica.ErrNotLeader) && bytes.HasPrefix(replies[0].Str, []byte("MOVED ")):
		*a++
	}
}

// lost tells whether the connection shall end.
func (a astray) lost() bool { return a >= astrayLimit }
