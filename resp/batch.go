package resp

import (
	"context"
	"runtime/debug"
	"time"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// batch is runs of one kind that go to the backend together: of connections that were ready at the same time, or of
// one that stands alone. It has the connections until they are answered.
type batch struct {
	kind        kind
	consistency replica.Consistency
	conns       []*conn // that are not answered
	calls       int
	size        int
}

// context is what ends a wait of the batch for nothing: its only connection's end. Several wait for each other, and
// for the server's.
func (b *batch) context(s *Server) context.Context {
	if len(b.conns) == 1 {
		return b.conns[0].ctx
	}
	return s.ctx
}

// takeConn takes a connection out of the batch.
func (b *batch) takeConn() *conn {
	c := b.conns[0]
	b.conns = b.conns[1:]
	return c
}

// batches are what was collected from connections that were ready at the same time.
type batches struct{ all []*batch }

// addRun puts the connection's run into a batch of its kind.
func (b *batches) addRun(c *conn) {
	how := c.consistency()
	for _, to := range b.all {
		if to.kind == c.run.kind && to.consistency == how && to.size+c.run.size <= runBytes {
			to.addConn(c)
			return
		}
	}
	b.all = append(b.all, c.newBatch())
	b.all[len(b.all)-1].addConn(c)
}

// newBatch returns an empty batch that the connection's run goes with.
func (c *conn) newBatch() *batch { return &batch{kind: c.run.kind, consistency: c.consistency()} }

func (b *batch) addConn(c *conn) {
	b.conns = append(b.conns, c)
	b.calls += c.run.left()
	b.size += c.run.size
}

// serveBatch answers a batch, and what its connections have sent after it.
func (s *Server) serveBatch(b *batch) {
	defer s.abandon(b)
	var after batches
	now := time.Now()
	for _, c := range b.conns {
		c.beginRun(now)
	}
	s.execute(b, func(c *conn, replies []reply.Reply, err error) {
		c.runOwned(func() bool { return s.answer(c, replies, err, &after) })
	})
	for _, next := range after.all {
		s.open.batches.Go(func() { s.serveBatch(next) })
	}
}

// abandon ends the connections that a panic of the backend has left in a batch.
func (s *Server) abandon(b *batch) {
	if p := recover(); p != nil {
		s.o.Logger.Error("a batch's handling panicked", "conns", len(b.conns), "err", p, "stack", string(debug.Stack()))
	}
	for _, c := range b.conns {
		c.runOwned(func() bool { return false })
	}
}

// execute hands each connection of a batch the replies to the next calls of its run, or the error that answers them:
// to all writes, to one read at least.
func (s *Server) execute(b *batch, hand func(c *conn, replies []reply.Reply, err error)) {
	if b.kind == kindWrite {
		s.executeWrites(b, hand)
	} else {
		s.executeReads(b, hand)
	}
}

func (s *Server) executeWrites(b *batch, hand func(c *conn, replies []reply.Reply, err error)) {
	groups := make([]entry.Group, len(b.conns))
	for i, c := range b.conns {
		groups[i].Calls = c.run.calls
	}
	replies, err := s.writeGroups(b.context(s), groups, b.calls)
	for len(b.conns) > 0 {
		c := b.takeConn()
		var own []reply.Reply
		if err == nil {
			own, replies = replies[:len(c.run.calls)], replies[len(c.run.calls):]
		}
		hand(c, own, err)
	}
}

func (s *Server) executeReads(b *batch, hand func(c *conn, replies []reply.Reply, err error)) {
	calls := b.conns[0].run.calls[b.conns[0].run.done:]
	if len(b.conns) > 1 {
		calls = make([]entry.Call, 0, b.calls)
		for _, c := range b.conns {
			calls = append(calls, c.run.calls[c.run.done:]...)
		}
	}
	for len(b.conns) > 0 {
		replies, err := s.readCalls(b.context(s), b.consistency, calls)
		for len(b.conns) > 0 && (err != nil || len(replies) > 0) {
			c := b.takeConn()
			calls = calls[c.run.left():]
			var own []reply.Reply
			if err == nil {
				n := min(c.run.left(), len(replies))
				own, replies = replies[:n], replies[n:]
			}
			hand(c, own, err)
		}
	}
}

// answer writes replies to a connection of a batch and sees to what it has sent after it. Nobody waits for a client
// that does not take its replies at once, or has large ones, nor for the rest of an answer that ended early.
func (s *Server) answer(c *conn, replies []reply.Reply, err error, after *batches) (kept bool) {
	size, long := 0, false
	for i := range replies {
		size += replies[i].Size()
		long = long || replies[i].Kind == reply.Long
	}
	if size > flushBytes/2 || long {
		go c.runOwned(func() bool {
			c.deliver(replies, err)
			return c.loop()
		})
		return true
	}
	c.deliver(replies, err)
	if c.run.left() > 0 {
		go c.runOwned(c.loop)
		return true
	}
	if c.finishRun(); c.stale.isStale() || !c.out.flushNow(c.sock) {
		go c.runOwned(c.loop)
		return true
	}
	return s.schedule(c, after)
}
