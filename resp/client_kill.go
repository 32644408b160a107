package resp

import (
	"strings"

	"cairn/fsm/reply"
)

// killFilter is what CLIENT KILL asks for; empty fields do not matter.
type killFilter struct {
	id          int64
	addr, laddr string
	other       bool // a type that no client here has
	skipMe      bool
}

func runClientKill(c *conn, argv [][]byte) reply.Reply {
	if len(argv) == 3 {
		if c.killAll(killFilter{addr: string(argv[2])}) == 0 {
			return reply.Errorf("ERR No such client").Reply()
		}
		return reply.OK()
	}
	f, err := parseKill(argv[2:])
	if err != nil {
		return failure(err)
	}
	return reply.Int(int64(c.killAll(f)))
}

func parseKill(args [][]byte) (f killFilter, err error) {
	f.skipMe = true
	for ; len(args) > 0; args = args[2:] {
		if len(args) == 1 {
			return f, reply.ErrSyntax
		}
		value := string(args[1])
		switch strings.ToLower(string(args[0])) {
		case "id":
			f.id, err = parseInteger(args[1], errKillID)
			if err == nil && f.id < 1 {
				err = errKillID
			}
		case "type":
			var isNormal bool
			isNormal, err = parseClientType(args[1])
			f.other = f.other || !isNormal
		case "addr":
			f.addr = value
		case "laddr":
			f.laddr = value
		case "user":
			if value != "default" {
				err = reply.Errorf("ERR No such user '%s'", value)
			}
		case "skipme":
			f.skipMe = strings.EqualFold(value, "yes")
			if !f.skipMe && !strings.EqualFold(value, "no") {
				err = reply.ErrSyntax
			}
		default:
			err = reply.ErrSyntax
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

const errKillID reply.UserError = "ERR client-id should be greater than 0"

// killAll closes the clients that the filter names and returns how many; the caller itself ends after its reply.
func (c *conn) killAll(f killFilter) int {
	killed := 0
	for _, other := range c.srv.clients.allClients() {
		switch {
		case f.other, f.id != 0 && f.id != other.id, f.addr != "" && f.addr != other.addr(), f.laddr != "" && f.laddr != other.laddr(),
			f.skipMe && other == c:
			continue
		case other == c:
			c.change(func(s *session) { s.closing = true })
		default:
			other.kill()
		}
		killed++
	}
	return killed
}
