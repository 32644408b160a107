package resp

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"cairn/fsm/reply"
)

// redisVersion is the Redis whose behaviour is matched.
const redisVersion = "7.0.15"

const (
	errWrongPass reply.UserError = "WRONGPASS invalid username-password pair or user is disabled."
	errNoProto   reply.UserError = "NOPROTO unsupported protocol version"
	errNoPass    reply.UserError = "ERR AUTH <password> called without any password configured for the default user. " +
		"Are you sure your configuration is correct?"
	errHelloNoAuth reply.UserError = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH " +
		"<user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
)

// runAuth knows one user, default.
func runAuth(c *conn, argv [][]byte) reply.Reply {
	user, pass := "default", argv[len(argv)-1]
	switch {
	case len(argv) > 3:
		return reply.ErrSyntax.Reply()
	case len(argv) == 3:
		user = string(argv[1])
	case c.srv.settings.load().requirePass == "":
		return errNoPass.Reply()
	}
	if !c.authenticate(user, pass) {
		return errWrongPass.Reply()
	}
	return reply.OK()
}

// authenticate lets the client in when the password is right. How long it takes does not depend on the passwords.
func (c *conn) authenticate(user string, pass []byte) bool {
	want := c.srv.settings.load().requirePass
	a, b := sha256.Sum256(pass), sha256.Sum256([]byte(want))
	same := subtle.ConstantTimeCompare(a[:], b[:]) == 1
	if user != "default" || want != "" && !same {
		return false
	}
	c.change(func(s *session) { s.authed = true })
	c.applySession()
	return true
}

// greeting is a HELLO call.
type greeting struct {
	proto      int64 // 0: as it is
	auth       bool
	user, pass []byte
	setName    bool
	name       []byte
}

func runHello(c *conn, argv [][]byte) reply.Reply {
	g, err := parseHello(argv)
	if err != nil {
		return failure(err)
	}
	if g.auth && !c.authenticate(string(g.user), g.pass) {
		return errWrongPass.Reply()
	}
	if !c.sess.authed {
		return errHelloNoAuth.Reply()
	}
	c.change(func(s *session) {
		if g.setName {
			s.names.name = string(g.name)
		}
		if g.proto != 0 {
			s.resp3 = g.proto == 3
		}
	})
	c.applySession()
	return c.hello()
}

func (c *conn) hello() reply.Reply {
	proto, role := int64(2), "replica"
	if c.sess.resp3 {
		proto = 3
	}
	if c.clusterMap().master().Self {
		role = "master"
	}
	return reply.MapOf(
		reply.BulkString("server"), reply.BulkString("redis"),
		reply.BulkString("version"), reply.BulkString(redisVersion),
		reply.BulkString("proto"), reply.Int(proto),
		reply.BulkString("id"), reply.Int(c.id),
		reply.BulkString("mode"), reply.BulkString("cluster"),
		reply.BulkString("role"), reply.BulkString(role),
		reply.BulkString("modules"), reply.ArrayOf(),
	)
}

func parseHello(argv [][]byte) (g greeting, err error) {
	if len(argv) == 1 {
		return g, nil
	}
	if g.proto, err = parseInteger(argv[1], "ERR Protocol version is not an integer or out of range"); err != nil {
		return g, err
	}
	if g.proto != 2 && g.proto != 3 {
		return g, errNoProto
	}
	for rest := argv[2:]; len(rest) > 0; {
		switch option := string(rest[0]); {
		case strings.EqualFold(option, "auth") && len(rest) >= 3:
			g.auth, g.user, g.pass, rest = true, rest[1], rest[2], rest[3:]
		case strings.EqualFold(option, "setname") && len(rest) >= 2:
			g.setName, g.name, rest = true, rest[1], rest[2:]
			if !printable(g.name) {
				return g, errClientName
			}
		default:
			return g, reply.Errorf("ERR Syntax error in HELLO option '%s'", option)
		}
	}
	return g, nil
}
