package resp

import (
	"errors"
	"strings"
	"time"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// A client sends a group of calls between MULTI and EXEC, often all of it at once, before it has read an answer. Of a
// group that is refused in part nothing may run: the client is told by EXEC, or by the answer to MULTI, that all of
// it has failed. So a refusal tears the group: up to EXEC or DISCARD every call of the connection is refused,
// whatever it is, but RESET and QUIT. As there are no transactions yet, each MULTI is refused; whatever will refuse a
// call inside a group later only has to call conn.tear.
//
// A client that has read the refusal and goes on without EXEC, as one that gives the connection back to its pool
// does, would be refused for ever. So after tornWait its connection is closed, which carries out nothing either.

// tornWait is how long a torn group may take to come to its end.
const tornWait = 5 * time.Second

const (
	errNoMulti reply.UserError = "ERR unknown command 'MULTI': there are no transactions yet, and nothing is carried out up to EXEC or DISCARD"
	errTorn    reply.UserError = "ERR not carried out: a command of this transaction was refused, and nothing is carried out up to EXEC or DISCARD"
	errAbort   reply.UserError = "EXECABORT Transaction discarded because of previous errors."
)

// errGroup ends a connection whose torn group does not end.
var errGroup = errors.New("resp: a transaction that was refused has no end")

// groupRoutes returns the routes of the calls around a group. They are rows of no table: nobody is told that there
// are such commands.
func groupRoutes() map[string]*route {
	all := make(map[string]*route)
	for name, run := range map[string]handler{"multi": runMulti, "exec": runExec, "discard": runDiscard} {
		all[name] = &route{name: name, first: []byte(name), kind: kindLocal, run: run}
	}
	return all
}

// groupRoute returns who answers a call that begins or ends a group, nil when it does not, or the error that it
// deserves.
func (c *conn) groupRoute(argv [][]byte) (*route, error) {
	if len(argv[0]) > len("discard") {
		return nil, nil
	}
	name := strings.ToLower(string(argv[0]))
	r := c.srv.groups[name]
	switch {
	case r == nil || name != "multi" && !c.torn():
		return nil, nil
	case len(argv) > 1:
		return nil, reply.WrongArity(name)
	case name == "multi" && c.torn():
		return nil, errTorn
	}
	return r, nil
}

// torn tells whether the connection is inside a group of which a call was refused.
func (c *conn) torn() bool { return !c.sess.torn.IsZero() }

// tear is called when a call of a group is refused.
func (c *conn) tear() { c.change(func(s *session) { s.torn = time.Now() }) }

func (c *conn) endGroup() { c.change(func(s *session) { s.torn = time.Time{} }) }

// tornOver tells whether a torn group has had time enough to come to its end.
func (c *conn) tornOver() bool { return c.torn() && time.Since(c.sess.torn) >= tornWait }

// mayInTorn tells whether a call runs inside a torn group: it ends it, as it would end a transaction.
func mayInTorn(spec *command.Spec) bool { return spec.Name == "reset" || spec.Name == "quit" }

func runMulti(c *conn, _ [][]byte) reply.Reply {
	c.tear()
	if !c.sess.authed {
		return errNoAuth.Reply()
	}
	if err := c.onlyListens(new(command.Spec), "multi"); err != nil {
		return failure(err)
	}
	return errNoMulti.Reply()
}

func runExec(c *conn, _ [][]byte) reply.Reply {
	c.endGroup()
	return errAbort.Reply()
}

func runDiscard(c *conn, _ [][]byte) reply.Reply {
	c.endGroup()
	return reply.OK()
}
