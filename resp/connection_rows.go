package resp

import (
	"bytes"
	"strconv"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// databases is how many SELECT knows; fsm/command counts the same number of them.
const databases = 16

func connectionRows() []command.Spec {
	return []command.Spec{
		{Name: "ping", Summary: "Answers PONG, or the message", Exec: handler(runPing)},
		{Name: "echo", Summary: "Answers the message", Exec: handler(runEcho)},
		{Name: "quit", Summary: "Closes the connection after the replies to what came before", Exec: handler(runQuit)},
		{Name: "reset", Summary: "Makes the connection what it was when it was new", Exec: handler(runReset)},
		{Name: "select", Summary: "Chooses the connection's database, one of 16", Exec: handler(runSelect)},
		{Name: "hello", Summary: "Chooses RESP2 or RESP3 and says who serves", Exec: handler(runHello)},
		{Name: "auth", Cost: "O(1)", Summary: "Shows the password that the node asks for", Exec: handler(runAuth)},
		clientRow(),
	}
}

var pong = []byte("PONG")

func runPing(c *conn, argv [][]byte) reply.Reply {
	if c.listens() && !c.sess.resp3 && len(argv) <= 2 { // among messages, the answer is one
		return reply.ArrayOf(reply.BulkString("pong"), reply.BulkBytes(append([]byte{}, bytes.Join(argv[1:], nil)...)))
	}
	switch len(argv) {
	case 1:
		return reply.Reply{Kind: reply.Status, Str: pong}
	case 2:
		return reply.BulkBytes(argv[1])
	}
	return reply.WrongArity("ping").Reply()
}

func runEcho(_ *conn, argv [][]byte) reply.Reply { return reply.BulkBytes(argv[1]) }

func runQuit(c *conn, _ [][]byte) reply.Reply {
	c.change(func(s *session) { s.closing = true })
	return reply.OK()
}

func runReset(c *conn, _ [][]byte) reply.Reply {
	c.change(func(s *session) { s.channels, s.patterns = nil, nil })
	c.writeMessages() // in the protocol that it was told in
	c.change(func(s *session) { s.choices = choices{authed: c.srv.settings.load().requirePass == ""} })
	c.applySession()
	return reply.Statusf("RESET")
}

func runSelect(c *conn, argv [][]byte) reply.Reply {
	n, ok := parseLength(argv[1])
	switch {
	case !ok:
		return reply.ErrNotInteger.Reply()
	case int64(int32(n)) != n:
		return reply.Errorf("ERR value is out of range, value must between %d and %d", int32(-1<<31), int32(1<<31-1)).Reply()
	case n < 0 || n >= databases:
		return reply.ErrDBIndex.Reply()
	}
	c.change(func(s *session) { s.db = uint8(n) })
	return reply.OK()
}

// parseInteger reads an argument that must be an integer; what is the error otherwise.
func parseInteger(arg []byte, what reply.UserError) (int64, error) {
	n, ok := parseLength(arg)
	if !ok {
		return 0, what
	}
	return n, nil
}

// parseTimeout reads a time in milliseconds as CLIENT PAUSE and WAIT take it.
func parseTimeout(arg []byte) (millis int64, err error) {
	millis, ok := parseLength(arg)
	switch {
	case !ok:
		return 0, reply.Errorf("ERR timeout is not an integer or out of range")
	case millis < 0:
		return 0, reply.Errorf("ERR timeout is negative")
	}
	return min(millis, maxMillis), nil
}

// maxMillis is the longest time that a time.Duration holds.
const maxMillis = (1<<63 - 1) / 1_000_000

// failure turns an error of a handler into the reply it is.
func failure(err error) reply.Reply {
	if user, ok := err.(reply.UserError); ok {
		return user.Reply()
	}
	return reply.Errorf("ERR %s", strconv.Quote(err.Error())).Reply()
}
