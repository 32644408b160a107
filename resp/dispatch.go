package resp

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/reply"
)

const errNoAuth reply.UserError = "NOAUTH Authentication required."

// pendingCall is a call that is parsed and examined, and not handled yet.
type pendingCall struct {
	argv  [][]byte
	route *route // who answers it
	err   error  // the error that it deserves; without argv, what is wrong with the bytes
}

func (s *pendingCall) empty() bool { return s.argv == nil && s.err == nil }

// collect puts calls into the run until the next one does not go with it, which stays pending, or there is none.
func (c *conn) collect() {
	for {
		if c.pending.empty() && !c.parseCall(&c.pending) || c.pending.argv == nil || !c.join(&c.pending) {
			return
		}
		c.pending = pendingCall{}
	}
}

// parseCall makes s the next call; it is false when that has not come, or cannot.
func (c *conn) parseCall(s *pendingCall) bool {
	if s.argv, s.err = c.in.nextCall(); s.argv == nil {
		return false
	}
	if c.sess.replies == repliesSkip { // the run is empty: CLIENT REPLY SKIP goes with none
		c.change(func(s *session) { s.replies = repliesOn })
		c.out.muted, c.run.silent = true, true
	}
	s.route, s.err = c.examine(s.argv)
	return true
}

// join puts a call, or the error that it deserves, into the run, if it goes with it.
func (c *conn) join(s *pendingCall) bool {
	switch {
	case c.run.silent && len(c.run.calls)+len(c.run.early) > 0:
		return false
	case s.err != nil:
		if len(c.run.early) >= runCalls || speaksHTTP(s.argv) {
			return false
		}
		c.addEarly(s.err)
	case s.route.kind != kindRead && s.route.kind != kindWrite, !c.run.fits(s.route.kind, s.argv):
		return false
	default:
		c.run.addCall(s.route, c.sess.db, c.withSettings(s.route, s.argv))
	}
	return true
}

// withSettings returns the call that is run for a call: another one where the answer depends on this node's settings.
func (c *conn) withSettings(r *route, argv [][]byte) [][]byte {
	if r.name == "object|encoding" {
		if e := c.srv.settings.load().encodings; e != command.DefaultEncodings {
			return command.EncodingCall(argv[2], e)
		}
	}
	return argv
}

// runSingle answers a call that goes with no run: the connection or the node has the answer, or a list of unknown
// length is it. What came before it is answered. A client that speaks HTTP is cut off: a web page may have made a
// browser talk to us.
func (c *conn) runSingle(s pendingCall) {
	if s.err != nil {
		c.srv.o.Logger.Warn("a client speaks HTTP: closed", "peer", c.nc.RemoteAddr().String())
		c.kill()
		return
	}
	began := time.Now()
	c.noteCall(s.route, began)
	if c.awaitPause(false); c.ctx.Err() != nil {
		return
	}
	if s.route.kind == kindList {
		c.answerList(s.route, entry.Call{DB: c.sess.db, Argv: append([][]byte{s.route.first}, s.argv[1:]...)})
	} else {
		answer := s.route.run(c, s.argv)
		c.reply(s.route, &answer)
	}
	c.countCalls([]*route{s.route}, began)
	c.finishRun()
}

// examine returns who answers a call, or the error that it deserves.
func (c *conn) examine(argv [][]byte) (*route, error) {
	r, err := c.routeOf(argv)
	if err != nil || r.spec == nil { // of a transaction
		return r, err
	}
	spec := r.spec
	if !c.sess.authed && spec.Flags&command.FlagNoAuth == 0 {
		err = errNoAuth
	} else if c.aborted() && !allowedInAborted(spec) {
		err = errAborted
	} else if err = c.onlyListens(spec, r.name); err == nil {
		err = spec.Exec.Check(argv)
	}
	if err == nil && r.kind == kindWrite && c.tooLarge(argv) {
		err = errTooLarge
	}
	if err != nil {
		r.stats.rejected.Add(1)
		return nil, err
	}
	return r, nil
}

// lastRoute is the way that a connection's last call went: a pipeline mostly repeats its command.
type lastRoute struct {
	word  []byte // its name, as it was sent
	route *route // nil when there was none, or a word behind the name has a say
}

// routeOf returns the way of a call whose number of words is right.
func (c *conn) routeOf(argv [][]byte) (*route, error) {
	if r := c.last.route; r != nil && bytes.Equal(argv[0], c.last.word) && r.spec.ArityFits(len(argv)) {
		return r, nil
	}
	spec, err := c.srv.table.Resolve(argv)
	if err != nil {
		if r, err := c.transactionRoute(argv); r != nil || err != nil {
			return r, err
		}
		if known, ok := c.srv.table.Lookup(argv[0]); ok && c.srv.routes[known] != nil {
			c.srv.routes[known].stats.rejected.Add(1)
		}
		return nil, err
	}
	r := c.srv.routes[spec]
	if c.last.route = nil; len(spec.Subs) == 0 && spec.Name == r.name {
		c.last = lastRoute{append(c.last.word[:0], argv[0]...), r}
	}
	return r, nil
}

// defaultBulk is the default of proto-max-bulk-len. Redis's is 512 MiB; here an argument passes through the memory of
// every node several times. callSlack is what a call may have beside its longest argument.
const (
	defaultBulk = 64 << 20
	callSlack   = 1 << 20
)

// tooLarge tells whether a call is more than a write may be: many arguments cost the nodes what a long one costs.
func (c *conn) tooLarge(argv [][]byte) bool {
	n := int64(0)
	for _, a := range argv {
		n += int64(len(a))
	}
	return n > max(c.srv.settings.load().maxBulk, defaultBulk)+callSlack
}

func speaksHTTP(argv [][]byte) bool {
	name := string(argv[0])
	return strings.EqualFold(name, "post") || strings.EqualFold(name, "host:")
}

// addEarly puts an error in its place among the replies of the run.
func (c *conn) addEarly(err error) {
	var user reply.UserError
	if !errors.As(err, &user) {
		user = reply.Errorf("ERR %v", err)
	}
	c.srv.fail([]byte(user))
	c.run.early = append(c.run.early, early{before: len(c.run.calls), reply: user.Reply()})
}
