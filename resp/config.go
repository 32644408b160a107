package resp

import (
	"path"
	"slices"
	"strings"

	"cairn/fsm/reply"
)

// runConfigGet answers the parameters that match, each once. A name without wildcards is answered as it was written.
func runConfigGet(c *conn, argv [][]byte) reply.Reply {
	var elems []reply.Reply
	seen := make(map[string]bool)
	for _, p := range c.srv.params() {
		for _, arg := range argv[2:] {
			pattern := string(arg)
			shown := p.name
			if !strings.ContainsAny(pattern, "*?[") {
				shown = pattern
			}
			if matched, _ := path.Match(strings.ToLower(pattern), p.name); !matched || seen[p.name] {
				continue
			}
			seen[p.name] = true
			elems = append(elems, reply.BulkString(shown), reply.BulkString(p.get(c.srv)))
		}
	}
	return reply.MapOf(elems...)
}

// runConfigSet changes all of the parameters or none.
func runConfigSet(c *conn, argv [][]byte) reply.Reply {
	if len(argv)%2 != 0 {
		return reply.ErrSyntax.Reply()
	}
	if err := c.srv.configure(argv[2:]); err != nil {
		return failure(err)
	}
	return reply.OK()
}

// configure changes parameters, names and values in turns.
func (s *Server) configure(pairs [][]byte) error {
	s.settings.Lock()
	defer s.settings.Unlock()
	next := *s.settings.load()
	params, err := s.findParams(pairs)
	if err != nil {
		return err
	}
	for i, p := range params {
		if err := p.set(&next, string(pairs[2*i+1])); err != nil {
			return configError(pairs[2*i], err)
		}
	}
	s.apply(next)
	return nil
}

func configError(name []byte, err error) error {
	return reply.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - %v", name, err)
}

// findParams returns the parameter of each pair.
func (s *Server) findParams(pairs [][]byte) (params []param, err error) {
	all := s.params()
	var found []int
	for i := 0; i < len(pairs); i += 2 {
		n := slices.IndexFunc(all, func(p param) bool { return strings.EqualFold(p.name, string(pairs[i])) })
		if n < 0 {
			return nil, reply.Errorf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", pairs[i])
		}
		found = append(found, n)
	}
	for i, n := range found {
		switch {
		case all[n].set == nil:
			return nil, configError(pairs[2*i], errImmutable)
		case slices.Contains(found[:i], n):
			return nil, configError(pairs[2*i], errDuplicate)
		}
		params = append(params, all[n])
	}
	return params, nil
}

const (
	errImmutable reply.UserError = "can't set immutable config"
	errDuplicate reply.UserError = "duplicate parameter"
)

// apply makes next the settings of the moment.
func (s *Server) apply(next settings) {
	old := s.settings.now.Swap(&next)
	if next.logLevel != old.logLevel && s.o.LogLevel != nil {
		s.o.LogLevel.Set(slogLevel(next.logLevel))
	}
	if next.keepAlive != old.keepAlive {
		for _, c := range s.clients.allClients() {
			setKeepAlive(c.nc, next.keepAlive)
		}
	}
	if next.timeout != old.timeout {
		s.clients.wakeAll()
	}
}

func runConfigResetStat(c *conn, _ [][]byte) reply.Reply {
	c.srv.resetStats()
	return reply.OK()
}

func runConfigRewrite(*conn, [][]byte) reply.Reply {
	return reply.Errorf("ERR The server is running without a config file").Reply()
}

func runConfigHelp(c *conn, _ [][]byte) reply.Reply { return help(c.srv.table, "config") }
