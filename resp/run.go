package resp

import (
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
	if cap(r.words) > 4*runCalls {
		r.words = nil
	}
}

// settle sends the run and writes its replies.
func (c *conn) settle() {
	if len(c.run.calls)+len(c.run.early) == 0 {
		return
	}
	defer c.run.clear()
	next := 0
	if len(c.run.calls) > 0 {
		began := c.begin(c.run.routes[len(c.run.routes)-1])
		if c.awaitPause(c.run.kind == kindWrite); c.ctx.Err() != nil {
			return
		}
		if c.run.kind == kindWrite {
			next = c.settleWrites()
		} else {
			next = c.settleReads()
		}
		c.count(c.run.routes, began)
	}
	for _, e := range c.run.early[next:] {
		c.out.reply(e.reply)
	}
}

// settleWrites returns how many early replies were written.
func (c *conn) settleWrites() int {
	replies, err := c.propose()
	if err == nil && len(replies) != len(c.run.calls) {
		c.srv.o.Logger.Error("the backend answered a wrong number of calls", "calls", len(c.run.calls), "replies", len(replies))
		err = replica.ErrInDoubt
	}
	if err != nil {
		replies = c.writeFaults(err, c.run.calls, c.run.routes)
	}
	c.astray.note(replies, err)
	return c.emit(0, 0, replies)
}

// settleReads returns how many early replies were written.
func (c *conn) settleReads() (next int) {
	consistency := c.srv.o.Consistency
	if c.sess.readonly {
		consistency = replica.Local
	}
	for done := 0; done < len(c.run.calls); {
		replies, err := c.srv.o.Backend.Read(c.ctx, consistency, c.run.calls[done:])
		if err == nil && (len(replies) == 0 || len(replies) > len(c.run.calls)-done) {
			c.srv.o.Logger.Error("the backend answered a wrong number of calls", "calls", len(c.run.calls)-done, "replies", len(replies))
			err = errReplies
		}
		if err != nil {
			replies = c.readFaults(err, c.run.calls[done:], c.run.routes[done:])
		}
		next = c.emit(next, done, replies)
		done += len(replies)
	}
	return next
}

// emit writes replies to the calls from number done on, and the early ones among them from number next on. It returns the
// number of the next early one.
func (c *conn) emit(next, done int, replies []reply.Reply) int {
	for i := range replies {
		for ; next < len(c.run.early) && c.run.early[next].before <= done+i; next++ {
			c.out.reply(c.run.early[next].reply)
		}
		if replies[i].Kind == reply.Error {
			c.run.routes[done+i].stats.failed.Add(1)
			c.srv.fail(replies[i].Str)
		}
		c.out.reply(replies[i])
	}
	return next
}

// firstKey returns the first key of a call, or nil.
func firstKey(spec *command.Spec, argv [][]byte) []byte {
	if at := spec.KeyPositions(len(argv)); len(at) > 0 {
		return argv[at[0]]
	}
	return nil
}
