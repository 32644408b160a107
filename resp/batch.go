package resp

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// batch is runs of several connections that go to the backend together. It has the connections until they are answered.
type batch struct {
	kind        kind
	consistency replica.Consistency
	conns       []*conn // that are not answered
	calls       int
	size        int
}

// context is what ends a wait of the batch for nothing: its only connection's end. Several wait for each other, and for the server's.
func (b *batch) context(s *Server) context.Context {
	if len(b.conns) == 1 {
		return b.conns[0].ctx
	}
	return s.ctx
}

// next takes a connection out of the batch.
func (b *batch) next() *conn {
	c := b.conns[0]
	b.conns = b.conns[1:]
	return c
}

// batches are what was collected from connections that were ready at the same time.
type batches struct{ all []*batch }

// add puts the connection's run into a batch of its kind.
func (b *batches) add(c *conn) {
	how := c.consistency()
	for _, to := range b.all {
		if to.kind == c.run.kind && to.consistency == how && to.size+c.run.size <= runBytes {
			to.take(c)
			return
		}
	}
	b.all = append(b.all, &batch{kind: c.run.kind, consistency: how})
	b.all[len(b.all)-1].take(c)
}

func (b *batch) take(c *conn) {
	b.conns = append(b.conns, c)
	b.calls += len(c.run.calls) - c.run.done
	b.size += c.run.size
}

// serveBatch answers a batch, and what its connections have sent after it.
func (s *Server) serveBatch(b *batch) {
	defer s.abandon(b)
	var after batches
	now := time.Now()
	for _, c := range b.conns {
		c.begin(now)
	}
	if b.kind == kindWrite {
		s.writeBatch(b, &after)
	} else {
		s.readBatch(b, &after)
	}
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
		c.tend(func() bool { return false })
	}
}

func (s *Server) writeBatch(b *batch, after *batches) {
	groups := make([]entry.Group, len(b.conns))
	for i, c := range b.conns {
		groups[i].Calls = c.run.calls
	}
	replies, err := s.o.Backend.Write(b.context(s), groups)
	if err == nil && len(replies) != b.calls {
		s.o.Logger.Error("the backend answered a wrong number of calls", "calls", b.calls, "replies", len(replies))
		err = replica.ErrInDoubt
	}
	for len(b.conns) > 0 {
		c := b.next()
		if errors.Is(err, replica.ErrNotLeader) { // nothing was proposed: each finds out for itself whom to ask
			go c.tend(c.loop)
			continue
		}
		var own []reply.Reply
		if err == nil {
			own, replies = replies[:len(c.run.calls)], replies[len(c.run.calls):]
		}
		c.tend(func() bool {
			return s.answer(c, own, after, func() { c.written(own, err) })
		})
	}
}

func (s *Server) readBatch(b *batch, after *batches) {
	calls := make([]entry.Call, 0, b.calls)
	for _, c := range b.conns {
		calls = append(calls, c.run.calls...)
	}
	for len(b.conns) > 0 {
		replies, err := s.readCalls(b.context(s), b.consistency, calls)
		for len(b.conns) > 0 && (err != nil || len(replies) > 0) {
			c := b.next()
			var own []reply.Reply
			if err == nil {
				n := min(len(c.run.calls), len(replies))
				own, replies = replies[:n], replies[n:]
			}
			calls = calls[len(c.run.calls):]
			c.tend(func() bool {
				return s.answer(c, own, after, func() {
					if err != nil {
						own = c.readFaults(err, c.run.calls, c.run.routes)
					}
					c.emit(own)
				})
			})
		}
	}
}

// answer writes replies to a connection of a batch and sees to what it has sent after it. Nobody waits for a client that does not
// take its replies at once, or has large ones, nor for the rest of an answer that ended early.
func (s *Server) answer(c *conn, replies []reply.Reply, after *batches, emit func()) (kept bool) {
	size := 0
	for i := range replies {
		size += replies[i].Size()
	}
	if size > flushBytes/2 {
		go c.tend(func() bool {
			emit()
			return c.loop()
		})
		return true
	}
	emit()
	if c.run.done < len(c.run.calls) {
		go c.tend(c.loop)
		return true
	}
	if c.settled(); !c.out.flushNow(c.sock) {
		go c.tend(c.loop)
		return true
	}
	return s.place(c, after)
}
