package resp

import (
	"errors"
	"strings"
	"time"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// A client sends a transaction, calls between MULTI and EXEC, often all of it at once, before it has read an answer. Of
// a transaction that is refused in part nothing may run: the client is told by EXEC, or by the answer to MULTI, that
// all of it has failed. So a refusal aborts the transaction: up to EXEC or DISCARD every call of the connection is
// refused, whatever it is, but RESET and QUIT. As there are no transactions yet, each MULTI is refused; whatever will
// refuse a call inside a transaction later only has to call conn.abortTransaction.
//
// A client that has read the refusal and goes on without EXEC, as one that gives the connection back to its pool
// does, would be refused for ever. So after tornWait its connection is closed, which carries out nothing either.

// abortedWait is how long an aborted transaction may take to come to its end.
const abortedWait = 5 * time.Second

const (
	errNoMulti reply.UserError = "ERR unknown command 'MULTI': there are no transactions yet, and nothing is carried out up to EXEC or DISCARD"
	errAborted reply.UserError = "ERR not carried out: a command of this transaction was refused, and nothing is carried out up to EXEC or DISCARD"
	errAbort   reply.UserError = "EXECABORT Transaction discarded because of previous errors."
)

// errEndlessTransaction ends a connection whose aborted transaction does not end.
var errEndlessTransaction = errors.New("resp: a transaction that was refused has no end")

// transactionRoutes returns the routes of the calls around a transaction. They are rows of no table: nobody is told
// that there are such commands.
func transactionRoutes() map[string]*route {
	all := make(map[string]*route)
	for name, run := range map[string]handler{"multi": runMulti, "exec": runExec, "discard": runDiscard} {
		all[name] = &route{name: name, first: []byte(name), kind: kindLocal, run: run}
	}
	return all
}

// transactionRoute returns who answers a call that begins or ends a transaction, nil when it does not, or the error
// that it deserves.
func (c *conn) transactionRoute(argv [][]byte) (*route, error) {
	if len(argv[0]) > len("discard") {
		return nil, nil
	}
	name := strings.ToLower(string(argv[0]))
	r := c.srv.transactionRoutes[name]
	switch {
	case r == nil || name != "multi" && !c.aborted():
		return nil, nil
	case len(argv) > 1:
		return nil, reply.WrongArity(name)
	case name == "multi" && c.aborted():
		return nil, errAborted
	}
	return r, nil
}

// aborted tells whether the connection is inside a transaction of which a call was refused.
func (c *conn) aborted() bool { return !c.sess.abortedAt.IsZero() }

// abortTransaction is called when a call of a transaction is refused.
func (c *conn) abortTransaction() { c.change(func(s *session) { s.abortedAt = time.Now() }) }

func (c *conn) endTransaction() { c.change(func(s *session) { s.abortedAt = time.Time{} }) }

// abortedTooLong tells whether an aborted transaction has had time enough to come to its end.
func (c *conn) abortedTooLong() bool {
	return c.aborted() && time.Since(c.sess.abortedAt) >= abortedWait
}

// allowedInAborted tells whether a call runs inside an aborted transaction: it ends it.
func allowedInAborted(spec *command.Spec) bool { return spec.Name == "reset" || spec.Name == "quit" }

func runMulti(c *conn, _ [][]byte) reply.Reply {
	c.abortTransaction()
	if !c.sess.authed {
		return errNoAuth.Reply()
	}
	if err := c.onlyListens(new(command.Spec), "multi"); err != nil {
		return failure(err)
	}
	return errNoMulti.Reply()
}

func runExec(c *conn, _ [][]byte) reply.Reply {
	c.endTransaction()
	return errAbort.Reply()
}

func runDiscard(c *conn, _ [][]byte) reply.Reply {
	c.endTransaction()
	return reply.OK()
}
