package console

import (
	"context"
	"errors"
	"strings"
)

// errBusy is returned when the console may not ask something of its own: MULTI would queue it.
var errBusy = errors.New("console: a MULTI or WATCH is open")

// ask puts a question of the console's own to the current node, or to another when that one is gone.
// It is bounded in time, follows no redirects, and must only be used for questions that change nothing.
func (s *session) ask(ctx context.Context, t *tries, args ...string) (reply, error) {
	if s.st.pinned() || s.st.lost {
		return reply{}, errBusy
	}
	if err := s.connect(ctx, t); err != nil {
		return reply{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	rep, _, err := s.conn.call(ctx, args)
	if err != nil {
		s.disconnect()
		t.drop(s.addr, cause(err))
		return reply{}, err
	}
	return rep, nil
}

// readonly asks a node whether args is a command that only reads, so that it may be sent twice. No answer means no.
//
//	COMMAND INFO name: [[name, arity, [flag …], firstkey, lastkey, step, categories, tips, keyspecs, [subcommand …]]]
func (s *session) readonly(ctx context.Context, t *tries, args []string) bool {
	rep, err := s.ask(ctx, t, "COMMAND", "INFO", args[0])
	if err != nil || len(rep.elems) != 1 {
		return false
	}
	info := rep.elems[0]
	if len(info.elems) >= 10 && len(info.elems[9].elems) > 0 { // a container: its subcommand decides
		if len(args) < 2 {
			return false
		}
		sub := strings.ToLower(args[0] + "|" + args[1])
		for _, e := range info.elems[9].elems {
			if len(e.elems) > 0 && e.elems[0].text == sub {
				return hasFlag(e, "readonly")
			}
		}
		return false
	}
	return hasFlag(info, "readonly")
}

func hasFlag(info reply, flag string) bool {
	if len(info.elems) < 3 {
		return false
	}
	for _, f := range info.elems[2].elems {
		if f.text == flag {
			return true
		}
	}
	return false
}

// seekLeader moves to the master of the first slots that CLUSTER SLOTS tells, when that is another node than the
// current one. Where nobody answers, or is no cluster, the session stays where it is.
//
//	CLUSTER SLOTS: [[first, last, [host, port, id, …], replicas…] …]; an empty or null host is the node's own
func (s *session) seekLeader(ctx context.Context) {
	var t tries
	rep, err := s.ask(ctx, &t, "CLUSTER", "SLOTS")
	if err != nil || len(rep.elems) == 0 || len(rep.elems[0].elems) < 3 {
		return
	}
	master := rep.elems[0].elems[2].elems
	if len(master) < 3 {
		return
	}
	told := master[0].text
	if strings.Contains(told, ":") {
		told = "[" + told + "]"
	}
	addr, ok := resolve(told+":"+master[1].text, s.addr)
	if !ok || addr == s.addr {
		return
	}
	// The node may call itself by another name than the user does.
	if me, err := s.ask(ctx, &t, "CLUSTER", "MYID"); err == nil && me.text == master[2].text {
		return
	}
	s.move(addr)
}
