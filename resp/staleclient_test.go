package resp

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// TestAstray: who writes to a leader that was deposed is told where the leader is, and closed: a client that found it
// by a sentinel asks again then. Who writes to a follower is told more often.
func TestAstray(t *testing.T) {
	const (
		set   = "SET foo x\r\n"
		ok    = "+OK\r\n"
		moved = "-MOVED 12182 10.0.0.1:7001\r\n"
	)
	leads, follows, elects := threeNodes(), threeNodes(), threeNodes()
	leads.LeaderID, leads.LeaderAddr = "n2", "10.0.0.2:7002"
	elects.LeaderID, elects.LeaderAddr = "", ""
	for name, tt := range map[string]struct {
		from replica.Status
		talk func(c *client, deposed *atomic.Bool)
	}{
		"one that has served a write": {leads, func(c *client, deposed *atomic.Bool) {
			c.ask(set, ok)
			deposed.Store(true)
			c.ask(set, moved)
		}},
		"one that has asked nothing yet": {leads, func(c *client, deposed *atomic.Bool) {
			c.ask("PING\r\n", "+PONG\r\n")
			deposed.Store(true)
			c.ask(set, moved)
		}},
		"one that came in an election": {elects, func(c *client, deposed *atomic.Bool) {
			c.ask("PING\r\n", "+PONG\r\n")
			deposed.Store(true)
			c.ask(set, moved)
		}},
		"what is pipelined is answered": {leads, func(c *client, deposed *atomic.Bool) {
			c.ask("PING\r\n", "+PONG\r\n")
			deposed.Store(true)
			c.ask(set+"PING\r\n"+set+"PING\r\n", moved+"+PONG\r\n"+moved+"+PONG\r\n")
		}},
		"what comes in many pieces is answered": {leads, func(c *client, deposed *atomic.Bool) {
			c.ask("PING\r\n", "+PONG\r\n")
			deposed.Store(true)
			const n = 5000
			go c.send(strings.Repeat(set, n) + set[:5])
			c.expect(strings.Repeat(moved, n))
			c.ask(set[5:], moved)
		}},
		"who never is quiet": {leads, func(c *client, deposed *atomic.Bool) {
			c.ask(set, ok)
			deposed.Store(true)
			for {
				if _, err := io.WriteString(c, set); err != nil {
					return
				}
				if _, err := io.ReadFull(c.rd, make([]byte, len(moved))); err != nil {
					return
				}
			}
		}},
		"a follower": {follows, func(c *client, deposed *atomic.Bool) {
			deposed.Store(true)
			for range staleRedirects - 1 {
				c.ask(set+"PING\r\n", moved+"+PONG\r\n")
			}
			c.ask(set, moved)
		}},
		"a follower that becomes the leader for a while": {follows, func(c *client, deposed *atomic.Bool) {
			deposed.Store(true)
			c.ask(set, moved)
			deposed.Store(false)
			c.ask(set, ok)
			deposed.Store(true)
			c.ask(set, moved)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b, deposed := &fakeBackend{}, new(atomic.Bool)
			b.setStatus(tt.from)
			b.write = func(_ context.Context, groups []entry.Group) ([]reply.Reply, error) {
				if deposed.Load() {
					b.setStatus(follows)
					return nil, replica.ErrNotLeader
				}
				return []reply.Reply{reply.OK()}, nil
			}
			_, addr := startServer(t, Options{Backend: b, Advertise: "10.0.0.2:7002"})
			c := dial(t, addr)
			tt.talk(c, deposed)
			c.expectClosed()
		})
	}
}
