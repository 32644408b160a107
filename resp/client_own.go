package resp

import (
	"strings"

	"cairn/fsm/reply"
)

const errClientName reply.UserError = "ERR Client names cannot contain spaces, newlines or special characters."

func runClientID(c *conn, _ [][]byte) reply.Reply { return reply.Int(c.id) }

func runClientInfo(c *conn, _ [][]byte) reply.Reply { return reply.VerbatimText(c.listLine() + "\n") }

func runClientGetName(c *conn, _ [][]byte) reply.Reply {
	if c.sess.names.name == "" {
		return reply.Nil()
	}
	return reply.BulkString(c.sess.names.name)
}

func runClientSetName(c *conn, argv [][]byte) reply.Reply {
	if !printable(argv[2]) {
		return errClientName.Reply()
	}
	c.change(func(s *session) { s.names.name = string(argv[2]) })
	return reply.OK()
}

func runClientSetInfo(c *conn, argv [][]byte) reply.Reply {
	option := strings.ToLower(string(argv[2]))
	if option != "lib-name" && option != "lib-ver" {
		return reply.Errorf("ERR Unrecognized option '%s'", argv[2]).Reply()
	}
	if !printable(argv[3]) {
		return reply.Errorf("ERR %s cannot contain spaces, newlines or special characters.", option).Reply()
	}
	c.change(func(s *session) {
		if option == "lib-name" {
			s.names.libName = string(argv[3])
		} else {
			s.names.libVer = string(argv[3])
		}
	})
	return reply.OK()
}

// printable tells whether a name has no byte that would break the lines of CLIENT LIST.
func printable(name []byte) bool {
	for _, b := range name {
		if b < '!' || b > '~' {
			return false
		}
	}
	return true
}

func runClientReply(c *conn, argv [][]byte) reply.Reply {
	answer := reply.Reply{Kind: reply.None}
	mode := c.sess.replies
	switch strings.ToLower(string(argv[2])) {
	case "on":
		mode, answer = repliesOn, reply.OK()
	case "off":
		mode = repliesOff
	case "skip":
		if mode == repliesOn {
			mode = repliesSkip
		}
	default:
		return reply.ErrSyntax.Reply()
	}
	c.change(func(s *session) { s.replies = mode })
	c.applySession()
	return answer
}

func runClientNoEvict(c *conn, argv [][]byte) reply.Reply {
	return c.toggle(argv[2], func(s *session, on bool) { s.noEvict = on })
}

func runClientNoTouch(c *conn, argv [][]byte) reply.Reply {
	return c.toggle(argv[2], func(s *session, on bool) { s.noTouch = on })
}

func (c *conn) toggle(arg []byte, set func(s *session, on bool)) reply.Reply {
	word := strings.ToLower(string(arg))
	if word != "on" && word != "off" {
		return reply.ErrSyntax.Reply()
	}
	c.change(func(s *session) { set(s, word == "on") })
	return reply.OK()
}
