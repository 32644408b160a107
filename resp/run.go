package resp

import (
	"time"

	"cairn/fsm/command"
	"cairn/fsm/entry"
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
	silent bool // its one call was skipped by CLIENT REPLY

	began time.Time // when the calls were sent
	done  int       // calls that are answered
	told  int       // early replies that are written
}

// early is a reply that was known before the run was sent.
type early struct {
	before int // the number of calls before it
	reply  reply.Reply
}

// addCall appends a call; its words are the run's own, their bytes the caller's.
func (r *run) addCall(rt *route, db uint8, argv [][]byte) {
	n := len(r.words)
	first := rt.first
	if string(argv[0]) == command.EncodingName {
		first = argv[0] // see withSettings
	}
	r.words = append(r.words, first)
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

// left returns how many calls are not answered.
func (r *run) left() int { return len(r.calls) - r.done }

func callSize(argv [][]byte) (n int) {
	for _, a := range argv {
		n += len(a) + argOverhead
	}
	return n
}

// reset empties the run.
func (r *run) reset() {
	clear(r.calls)
	clear(r.words)
	clear(r.early)
	r.calls, r.words, r.routes, r.early, r.size = r.calls[:0], r.words[:0], r.routes[:0], r.early[:0], 0
	r.silent, r.began, r.done, r.told = false, time.Time{}, 0, 0
	if cap(r.words) > 4*runCalls {
		r.words = nil
	}
}

// executeRun sends the run, or what is left of it, as a batch of its own, and writes its replies.
func (c *conn) executeRun() {
	if len(c.run.calls)+len(c.run.early) == 0 {
		return
	}
	if c.run.left() > 0 {
		c.beginRun(time.Now())
		if c.awaitPause(c.run.kind == kindWrite); c.ctx.Err() != nil {
			c.run.reset()
			return
		}
	}
	for c.run.left() > 0 { // of reads some may be answered only
		b := c.newBatch()
		b.addConn(c)
		c.srv.execute(b, func(_ *conn, replies []reply.Reply, err error) { c.deliver(replies, err) })
	}
	c.finishRun()
}

// finishRun ends a run whose calls are answered.
func (c *conn) finishRun() {
	if len(c.run.calls) > 0 {
		c.countCalls(c.run.routes, c.run.began)
	}
	for _, e := range c.run.early[c.run.told:] {
		c.out.reply(e.reply)
	}
	if c.run.silent {
		c.applySession()
	}
	c.run.reset()
}

// deliver writes the replies to the next calls of the run, or what err, the backend's, means for all that are left.
func (c *conn) deliver(replies []reply.Reply, err error) {
	calls, routes := c.run.calls[c.run.done:], c.run.routes[c.run.done:]
	switch writes := c.run.kind == kindWrite; {
	case writes && err != nil:
		replies = c.writeFaults(err, calls, routes)
		c.stale.noteWrites(replies, err)
	case writes:
		c.stale.noteWrites(replies, nil)
	case err != nil:
		replies = c.readFaults(err, calls, routes)
	}
	c.emit(replies)
}

// emit writes replies to the next calls of the run, and the early ones among them. What takes long to write it lists.
func (c *conn) emit(replies []reply.Reply) {
	for i := range replies {
		for ; c.run.told < len(c.run.early) && c.run.early[c.run.told].before <= c.run.done; c.run.told++ {
			c.out.reply(c.run.early[c.run.told].reply)
		}
		if r := c.run.routes[c.run.done]; replies[i].Kind == reply.Long {
			c.answerList(r, c.run.calls[c.run.done])
		} else {
			c.reply(r, &replies[i])
		}
		c.run.done++
	}
}

// reply writes the reply to a call that has run.
func (c *conn) reply(r *route, answer *reply.Reply) {
	if answer.Kind == reply.Error {
		r.stats.failed.Add(1)
		c.srv.fail(answer.Str)
	}
	c.out.reply(*answer)
}

// firstKey returns the first key of a call, or nil.
func firstKey(spec *command.Spec, argv [][]byte) []byte {
	if keys := spec.KeysOf(argv); len(keys) > 0 {
		return argv[keys[0].At]
	}
	return nil
}
