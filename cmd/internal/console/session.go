package console

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxRedirects = 5
	maxNodes     = 64 // addresses remembered, those of MOVED included

	// A check costs a millisecond: nothing beside a person, and nothing in a busy pipe, which is never idle for so
	// long.
	idleCheck = 10 * time.Millisecond
)

// session brings one command at a time to the node that takes it, over one connection at a time.
//
// A command is sent to another node only when it was certainly not executed before: the node could not be reached,
// has the command only in part, or said MOVED, CLUSTERDOWN or LOADING. The one exception is a command that a node
// itself calls readonly.
type session struct {
	nodes   []string
	addr    string // the node for the next command: the one that answered last
	conn    *conn  // nil when not connected
	st      state
	timeout time.Duration
	idle    time.Duration // a connection that was idle for longer is checked before it is used
	warn    func(string)
	note    func(string)
}

// newSession needs options that are valid.
func newSession(o Options, warn, note func(string)) *session {
	s := &session{timeout: o.Timeout, idle: idleCheck, warn: warn, note: note}
	for _, a := range o.Addrs {
		addr, _ := parseAddr(a)
		s.learn(addr)
	}
	s.addr = s.nodes[0]
	s.st = state{user: o.User, password: o.Password, proto: o.Proto, db: o.DB}
	return s
}

func (s *session) learn(addr string) {
	if !slices.Contains(s.nodes, addr) && len(s.nodes) < maxNodes {
		s.nodes = append(s.nodes, addr)
	}
}

func (s *session) disconnect() {
	if s.conn != nil {
		s.conn.nc.Close() // nothing is in flight that an error could tell about
		s.conn = nil
	}
}

// do executes one command. The reply may be one that the console gives itself, such as INDOUBT.
// The error is ErrNoLeader or ctx's; in both cases the command was certainly not executed.
func (s *session) do(ctx context.Context, args []string) (reply, error) {
	if rep, refused := s.st.refuse(args); refused {
		return rep, nil
	}
	if s.st.pinned() {
		return s.doPinned(ctx, args), nil
	}
	if name := strings.ToUpper(args[0]); name == "MULTI" || name == "WATCH" {
		s.seekLeader(ctx) // from now on no redirect can be followed
	}
	return s.route(ctx, args)
}

// route tries nodes until one answers.
func (s *session) route(ctx context.Context, args []string) (reply, error) {
	var t tries
	for {
		if err := s.connect(ctx, &t); err != nil {
			return reply{}, err
		}
		rep, sent, err := s.exchange(ctx, args)
		if err != nil {
			if rep, done := s.broken(ctx, &t, args, sent, err); done {
				return rep, nil
			}
			continue
		}
		addr, moved := movedTo(rep, s.addr)
		switch {
		case moved && t.redirects == maxRedirects:
			return reply{}, t.noLeader(s.addr + " answers " + rep.text)
		case moved:
			t.redirects++
			s.redirect(&t, addr, rep.text)
		case rep.hasPrefix("CLUSTERDOWN"), rep.hasPrefix("LOADING"):
			t.fail(s.addr, rep.text)
		default:
			s.observe(args, rep)
			return rep, nil
		}
	}
}

// exchange runs one command on the current connection, after a SELECT when the connection is new.
func (s *session) exchange(ctx context.Context, args []string) (rep reply, sent bool, err error) {
	name := strings.ToUpper(args[0])
	if s.conn.db != s.st.db && !slices.Contains([]string{"AUTH", "HELLO", "SELECT", "RESET", "QUIT"}, name) {
		rep, _, err := s.conn.call(ctx, []string{"SELECT", strconv.Itoa(s.st.db)})
		if err != nil || rep.isError() {
			return rep, false, err
		}
		s.conn.db = s.st.db
	}
	s.conn.pushes = streams(args)
	return s.conn.call(ctx, args)
}

// broken handles a connection that failed under args. It reports done with the reply to give to the user, or not done
// when args may be tried again.
func (s *session) broken(ctx context.Context, t *tries, args []string, sent bool, err error) (rep reply, done bool) {
	addr, name := s.addr, strings.ToUpper(args[0])
	s.disconnect()
	t.drop(addr, cause(err))
	if !sent {
		return reply{}, false
	}
	if name == "SHUTDOWN" { // a node that obeys does not answer
		return reply{kind: '+', text: "OK"}, true
	}
	if ctx.Err() != nil {
		return inDoubt(name, addr, "interrupted"), true
	}
	t.readonly = t.readonly || streams(args) || s.readonly(ctx, t, args)
	if errors.Is(err, errProtocol) || !t.readonly {
		return inDoubt(name, addr, cause(err)), true
	}
	return reply{}, false
}

// redirect makes addr the next node, unless it has failed already: then the node that sends us there is no use either.
func (s *session) redirect(t *tries, addr, text string) {
	if addr == s.addr || t.failed(addr) {
		t.fail(s.addr, text)
		return
	}
	s.move(addr)
}

func (s *session) move(addr string) {
	s.disconnect()
	s.learn(addr)
	s.addr = addr
	s.note("-> Redirected to " + addr)
}

// observe keeps what an answered command has changed on the connection.
func (s *session) observe(args []string, rep reply) {
	if s.st.observe(args, rep) {
		s.conn.db = s.st.db
	}
}

// doPinned executes a command inside MULTI or WATCH, on this connection or not at all.
func (s *session) doPinned(ctx context.Context, args []string) reply {
	if s.conn == nil || !s.usable() {
		s.disconnect()
		return s.st.loseDuring(args, false, s.addr, "closed by the node")
	}
	rep, sent, err := s.conn.call(ctx, args)
	if err != nil {
		s.disconnect()
		return s.st.loseDuring(args, sent, s.addr, cause(err))
	}
	s.observe(args, rep)
	if addr, moved := movedTo(rep, s.addr); moved {
		s.learn(addr)
		s.note("-> Not redirected to " + addr + " inside MULTI or WATCH: DISCARD and begin again")
	}
	return rep
}

// usable checks a connection that was idle for long, so that a node which has closed it meanwhile costs no doubt.
func (s *session) usable() bool {
	return time.Since(s.conn.lastUsed) < s.idle || s.conn.alive()
}
