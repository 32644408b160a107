package resp

import (
	"context"
	"time"

	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// Bounds of a run.
const (
	runCalls = 1024
	runBytes = 384 << 10 // unless one call alone is larger; fsm/replica makes entries of that size
)

// run is neighbouring calls of one kind that one client has pipelined: they go to the backend together.
type run struct {
	kind   kind
	calls  []entry.Call
	routes []*route
	words  [][]byte // the arguments of all calls
	early  []early
	size   int

	began time.Time // when the calls were sent
	done  int       // calls that are answered
	told  int       // early replies that are written
}

// early is a reply that was known before the run was sent.
type early struct {
	before int // the number of calls before it
	reply  reply.Reply
}

// add appends a call; its words are the run's own, their bytes the caller's.
func (r *run) add(rt *route, db uint8, argv [][]byte) {
	n := len(r.words)
	r.words = append(r.words, rt.first)
	r.words = append(r.words, argv[1:]...)
	r.calls = append(r.calls, entry.Call{DB: db, Argv: r.words[n:len(r.words):len(r.words)]})
	r.routes = append(r.routes, rt)
	r.kind = rt.kind
	r.size += callSize(argv)
}

// fits tells whether the call may join the run.
func (r *run) fits(k kind, argv [][]byte) bool {
	return len(r.calls) == 0 || r.kind == k && len(r.calls) < runCalls && r.size+callSize(argv) <= runBytes
}

func callSize(argv [][]byte) (n int) {
	for _, a := range argv {
		n += len(a) + argOverhead
	}
	return n
}

// clear empties the run.
func (r *run) clear() {
	clear(r.calls)
	clear(r.words)
	clear(r.early)
	r.calls, r.words, r.routes, r.early, r.size = r.calls[:0], r.words[:0], r.routes[:0], r.early[:0], 0
	r.began, r.done, r.told = time.Time{}, 0, 0
	if cap(r.words) > 4*runCalls {
		r.words = nil
	}
}

// settle sends the run, or what is left of it, and writes its replies.
func (c *conn) settle() {
	if len(c.run.calls)+len(c.run.early) == 0 {
		return
	}
	if c.run.done < len(c.run.calls) {
		if c.run.done == 0 {
			c.begin(time.Now())
		}
		if c.awaitPause(c.run.kind == kindWrite); c.ctx.Err() != nil {
			c.run.clear()
			return
		}
		if c.run.kind == kindWrite {
			c.settleWrites()
		} else {
			c.settleReads()
		}
	}
	c.settled()
}

// settled ends a run whose calls are answered.
func (c *conn) settled() {
	if len(c.run.calls) > 0 {
		c.count(c.run.routes, c.run.began)
	}
	for _, e := range c.run.early[c.run.told:] {
		c.out.reply(e.reply)
	}
	c.run.clear()
}

func (c *conn) settleWrites() {
	replies, err := c.propose()
	if err == nil && len(replies) != len(c.run.calls) {
		c.srv.o.Logger.Error("the backend answered a wrong number of calls", "calls", len(c.run.calls), "replies", len(replies))
		err = replica.ErrInDoubt
	}
	c.written(replies, err)
}

// written writes the replies to a run of writes, or what its error means.
func (c *conn) written(replies []reply.Reply, err error) {
	if err != nil {
		replies = c.writeFaults(err, c.run.calls, c.run.routes)
	}
	c.astray.note(replies, err)
	c.emit(replies)
}

// consistency returns what the connection's reads may see.
func (c *conn) consistency() replica.Consistency {
	if c.sess.readonly {
		return replica.Local
	}
	return c.srv.o.Consistency
}

func (c *conn) settleReads() {
	for c.run.done < len(c.run.calls) {
		calls := c.run.calls[c.run.done:]
		replies, err := c.srv.readCalls(c.ctx, c.consistency(), calls)
		if err != nil {
			replies = c.readFaults(err, calls, c.run.routes[c.run.done:])
		}
		c.emit(replies)
	}
}

// readCalls asks the backend to answer calls; it may answer some of them only.
func (s *Server) readCalls(ctx context.Context, how replica.Consistency, calls []entry.Call) ([]reply.Reply, error) {
	replies, err := s.o.Backend.Read(ctx, how, calls)
	if err == nil && (len(replies) == 0 || len(replies) > len(calls)) {
		s.o.Logger.Error("the backend answered a wrong number of calls", "calls", len(calls), "replies", len(replies))
		err = errReplies
	}
	return replies, err
}

// emit writes replies to the next calls of the run, and the early ones among them.
func (c *conn) emit(replies []reply.Reply) {
	for i := range replies {
		for ; c.run.told < len(c.run.early) && c.run.early[c.run.told].before <= c.run.done; c.run.told++ {
			c.out.reply(c.run.early[c.run.told].reply)
		}
		if replies[i].Kind == reply.Error {
			c.run.routes[c.run.done].stats.failed.Add(1)
			c.srv.fail(replies[i].Str)
		}
		c.out.reply(replies[i])
		c.run.done++
	}
}

// firstKey returns the first key of a call, or nil.
func firstKey(spec *command.Spec, argv [][]byte) []byte {
	if at := spec.KeyPositions(len(argv)); len(at) > 0 {
		return argv[at[0]]
	}
	return nil
}
