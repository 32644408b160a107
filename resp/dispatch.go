package resp

import (
	"errors"
	"strings"
	"time"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

const errNoAuth reply.UserError = "NOAUTH Authentication required."

// handle takes a call: it joins the run, or is answered at once when the run has been.
func (c *conn) handle(argv [][]byte) {
	if c.sess.replies != repliesSkip {
		c.dispatch(argv)
		return
	}
	c.change(func(s *session) { s.replies = repliesOn })
	c.out.muted = true
	c.dispatch(argv)
	c.settle()
	c.applySession()
}

func (c *conn) dispatch(argv [][]byte) {
	r, err := c.examine(argv)
	switch {
	case err != nil:
		c.reject(argv, err)
	case r.kind == kindLocal:
		c.settle()
		c.local(r, argv)
	case r.kind == kindList:
		c.settle()
		c.list(r, argv)
	default:
		if !c.run.fits(r.kind, argv) {
			c.settle()
		}
		c.run.add(r, c.sess.db, argv)
	}
}

// examine returns who answers a call, or the error that it deserves.
func (c *conn) examine(argv [][]byte) (*route, error) {
	spec, err := c.srv.table.Resolve(argv)
	if err != nil {
		if r, err := c.groupRoute(argv); r != nil || err != nil {
			return r, err
		}
		if known, ok := c.srv.table.Lookup(argv[0]); ok && c.srv.routes[known] != nil {
			c.srv.routes[known].stats.rejected.Add(1)
		}
		return nil, err
	}
	r := c.srv.routes[spec]
	if !c.sess.authed && spec.Flags&command.FlagNoAuth == 0 {
		err = errNoAuth
	} else if c.torn() && !mayInTorn(spec) {
		err = errTorn
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

// defaultBulk is the default of proto-max-bulk-len. Redis's is 512 MiB; here an argument passes through the memory of every
// node several times. callSlack is what a call may have beside its longest argument.
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

// local answers a call from the connection or the node.
func (c *conn) local(r *route, argv [][]byte) {
	began := time.Now()
	c.note(r, began)
	if c.awaitPause(false); c.ctx.Err() != nil {
		return
	}
	answer := r.run(c, argv)
	if answer.Kind == reply.Error {
		r.stats.failed.Add(1)
		c.srv.fail(answer.Str)
	}
	c.out.reply(answer)
	c.count([]*route{r}, began)
}

// reject answers a call that does not run. A client that speaks HTTP is cut off: a web page may have made a browser talk
// to us.
func (c *conn) reject(argv [][]byte, err error) {
	if speaksHTTP(argv) {
		c.srv.o.Logger.Warn("a client speaks HTTP: closed", "peer", c.nc.RemoteAddr().String())
		c.settle()
		c.kill()
		return
	}
	if len(c.run.early) >= runCalls {
		c.settle()
	}
	c.foresee(err)
}

func speaksHTTP(argv [][]byte) bool {
	name := string(argv[0])
	return strings.EqualFold(name, "post") || strings.EqualFold(name, "host:")
}

// foresee puts an error in its place among the replies of the run.
func (c *conn) foresee(err error) {
	var user reply.UserError
	if !errors.As(err, &user) {
		user = reply.Errorf("ERR %v", err)
	}
	c.srv.fail([]byte(user))
	c.run.early = append(c.run.early, early{before: len(c.run.calls), reply: user.Reply()})
}
