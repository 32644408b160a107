package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"time"

	"cairn/fsm/replica/link"
	"cairn/fsm/replica/raftfix"
)

// serving tells the operator when this node serves, and what it waits for when it does not. What a node that joins, or
// was removed, waits for is told by standing.
type serving struct {
	*node
	index    *readIndex
	progress *progress
	standing *standing
	founding *founding
}

// spell is what serving has told of the present.
type spell struct {
	began  time.Time // when this node was started
	served bool      // it has served since
	serves bool      // and that is the newest line
	since  time.Time // no leader is known
	said   time.Time // when a line told of that
}

// watchServing looks once in a while, and whenever something may have changed.
func (s *serving) watchServing() {
	now := spell{began: time.Now()}
	for ok := true; ok; {
		changed := s.changed.Next()
		s.logState(&now)
		ok = s.pause(s.o.paced(probePause), changed) || s.ctx.Err() == nil
	}
}

func (s *serving) logState(now *spell) {
	switch {
	case s.standing.current() != Belongs || s.founding.waits.Load():
		now.serves, now.since = false, time.Time{}
	case !s.progress.leaderKnown():
		s.logWaiting(now)
	default:
		now.since, now.said = time.Time{}, time.Time{}
		s.logServing(now)
	}
}

// logServing says that this node serves once a read has shown it.
func (s *serving) logServing(now *spell) {
	leader, _ := s.leaderAt()
	if now.serves || s.progress.lastLeader.Load() != leader.ID {
		return // it is said already, or who leads is not yet
	}
	if _, err := s.index.confirm(s.ctx, false); err != nil {
		return
	}
	now.serves, now.served = true, true
	s.log.Info("serving", "id", s.o.ID, "addr", s.o.Addr, "leader", leader.ID)
}

// How long a node without a leader waits before it says so, and between two such lines, and from when on it says so
// less often. When a cluster is started, the others may come a little later: the first lines are no warnings.
const (
	waitFirst  = 2 * time.Second
	waitEvery  = 5 * time.Second
	waitLong   = time.Minute
	waitRarely = 30 * time.Second
	startTime  = 10 * time.Second
)

// logWaiting says, once in a while, that no leader is known.
func (s *serving) logWaiting(now *spell) {
	if now.since.IsZero() {
		now.since = time.Now()
	}
	waited, every := time.Since(now.since), waitEvery
	if waited >= waitLong {
		every = waitRarely
	}
	if waited < s.o.paced(waitFirst) || time.Since(now.said) < every {
		return
	}
	level := slog.LevelWarn
	if !now.served && time.Since(now.began) < startTime {
		level = slog.LevelInfo
	}
	s.logMissing(level, waited, now.said.IsZero())
	now.serves, now.said = false, time.Now()
}

// logMissing says how many voters answer, how many it takes, and who does not and why.
func (s *serving) logMissing(level slog.Level, waited time.Duration, first bool) {
	voters, reached := s.voters(), 0
	var silent []string
	for _, v := range voters {
		switch seen := s.progress.of(v.ID); {
		case string(v.ID) == s.o.ID || seen.answered:
			reached++
		default:
			silent = append(silent, fmt.Sprintf("%s: %s", raftfix.Located(v), inShort(seen.err)))
		}
	}
	needed := len(voters)/2 + 1
	what, facts := "waiting for an election", []any{"reached", reached, "needed", needed, "dur", waited.Round(time.Second)}
	if reached < needed {
		what = "waiting for a majority"
		facts = append(facts, "silent", strings.Join(silent, ", "))
		if first {
			facts = append(facts, "next", "start them; where nodes have moved, start each node with --peers naming all members "+
				"at the addresses that they have now; where they are lost for good, see cairn recover")
		}
	}
	s.log.Log(s.ctx, level, what, facts...)
}

// inShort says in few words why a member does not answer.
func inShort(err error) string {
	var refusal *link.Refusal
	var slow net.Error
	switch {
	case err == nil:
		return "not asked yet"
	case errors.As(err, &refusal):
		return refusal.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return "it hangs up"
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
