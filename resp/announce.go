package resp

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// announceTick is how often a server looks who leads, for those who listen.
const announceTick = 50 * time.Millisecond

// audience is the connections that listen. While there are any, a goroutine looks what becomes of the cluster.
type audience struct {
	mu struct {
		sync.Mutex
		conns map[*conn]struct{}
		told  *watched
	}
}

// follow lets a connection hear what changes in the cluster. It is called with the connection in hand, while the server
// serves.
func (s *Server) follow(c *conn) {
	s.audience.mu.Lock()
	defer s.audience.mu.Unlock()
	if len(s.audience.mu.conns) > 0 {
		s.announceLocked()
	} else {
		s.audience.mu.conns = make(map[*conn]struct{})
		s.audience.mu.told = watch(s.o.SentinelMaster, s.clusterMap())
		s.open.batches.Go(s.announce)
	}
	s.audience.mu.conns[c] = struct{}{}
}

// announce tells those who listen what a sentinel would, as long as there are any.
func (s *Server) announce() {
	tick := time.NewTicker(announceTick)
	defer tick.Stop()
	for more := true; more; {
		select {
		case <-tick.C:
			more = s.announceNow()
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Server) announceNow() (more bool) {
	s.audience.mu.Lock()
	defer s.audience.mu.Unlock()
	maps.DeleteFunc(s.audience.mu.conns, func(c *conn, _ struct{}) bool { return c.ctx.Err() != nil || !c.subscribed() })
	s.announceLocked()
	return len(s.audience.mu.conns) > 0
}

func (s *Server) announceLocked() {
	for _, news := range s.audience.mu.told.look(s.clusterMap()) {
		for c := range s.audience.mu.conns {
			c.tell(func(heard *choices) []reply.Reply { return heard.messages(news.channel, news.text) })
		}
	}
}

// messages returns how a text on a channel is said to a client: once for the channel, and once for each pattern.
func (s *choices) messages(channel, text string) (all []reply.Reply) {
	if slices.Contains(s.channels, channel) {
		all = append(all, pushOf(reply.BulkString("message"), reply.BulkString(channel), reply.BulkString(text)))
	}
	for _, pattern := range s.patterns {
		if command.Match(pattern, channel) {
			all = append(all, pushOf(reply.BulkString("pmessage"), reply.BulkString(pattern), reply.BulkString(channel), reply.BulkString(text)))
		}
	}
	return all
}

// runRole says what INFO's replication section does, for clients that ask who leads before they trust an address.
func runRole(c *conn, _ [][]byte) reply.Reply {
	m := c.clusterMap()
	if m.master().Self {
		replicas := []reply.Reply{}
		for _, n := range m.nodes {
			if !n.Self && n.up() {
				replicas = append(replicas, reply.ArrayOf(reply.BulkString(n.host), reply.BulkString(strconv.FormatInt(n.port, 10)),
					reply.BulkString(fmt.Sprint(m.offset(n)))))
			}
		}
		return reply.ArrayOf(reply.BulkString("master"), reply.Int(int64(m.status.AppliedIndex)), reply.ArrayOf(replicas...))
	}
	link, offset := "connected", int64(m.status.AppliedIndex)
	if !m.led {
		link, offset = "connect", -1
	}
	return reply.ArrayOf(reply.BulkString("slave"), reply.BulkString(m.master().host), reply.Int(m.master().port),
		reply.BulkString(link), reply.Int(offset))
}
