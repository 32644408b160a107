package resp

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// TestStaleClient: who writes to a leader that was deposed is told where the leader is, and closed: a client that found
// it by a sentinel asks again then. Who writes to a follower is told more often.
func TestStaleClient(t *testing.T) {
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
		"callers that share it are told once": {leads, func(c *client, deposed *atomic.Bool) {
			const callers = 4
			c.ask(set, ok)
			deposed.Store(true)
			c.send(strings.Repeat(set, callers))
			told := 0
			for ; ; told++ {
				if _, err := io.ReadFull(c.rd, make([]byte, len(moved))); err != nil {
					break
				}
				_, _ = io.WriteString(c, set) // it may be closed
			}
			if told != callers {
				c.t.Errorf("%d callers are told %d times", callers, told)
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

// TestStaleNeverQuiet: callers that wait for no answer are cut off after a moment, and every call that was taken is
// answered. A pipeline that takes long to send is not cut.
func TestStaleNeverQuiet(t *testing.T) {
	const set, moved = "SET foo x\r\n", "-MOVED 12182 10.0.0.1:7001\r\n"
	for name, tt := range map[string]struct {
		piece    string // comes every tick
		ticks    int
		from, to time.Duration // when it is closed
	}{
		"callers":             {set, 300, staleWait, staleWait + 10*time.Millisecond},
		"a pipeline":          {strings.Repeat(set, 2000), 60, 295*time.Millisecond + staleQuiet, 300*time.Millisecond + staleQuiet},
		"a pipeline for ever": {strings.Repeat(set, 2000), 300, staleMost, staleMost + 10*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			b, st := &fakeBackend{}, threeNodes()
			st.LeaderID = "n2"
			b.setStatus(st)
			b.write = func(context.Context, []entry.Group) ([]reply.Reply, error) {
				b.setStatus(threeNodes())
				return nil, replica.ErrNotLeader
			}
			bubble(t, Options{Backend: b, Advertise: "10.0.0.2:7002"}, func(t *testing.T, _ *Server, dial func() *client) {
				c := dial()
				began, sent := time.Now(), make(chan int)
				go func() {
					all := 0
					for range tt.ticks {
						n, err := io.WriteString(c, tt.piece)
						if all += n; err != nil {
							break
						}
						pass(5 * time.Millisecond)
					}
					sent <- all
				}()
				told, err := io.Copy(io.Discard, c.rd)
				if took := time.Since(began); took < tt.from || took > tt.to {
					t.Errorf("it is closed after %v, %v", took, err)
				}
				if calls := <-sent / len(set); int(told) != calls*len(moved) {
					t.Errorf("%d calls are taken and %d answered", calls, int(told)/len(moved))
				}
				c.Close()
			})
		})
	}
}
