package console

import (
	"strconv"
	"strings"
)

// state is what the user has set on the connection and what a new connection must have again, or cannot have.
type state struct {
	user, password string // of the last AUTH that succeeded; "" when none
	proto          int
	db             int

	multi    bool  // between MULTI and EXEC or DISCARD
	watching bool  // after WATCH
	lost     bool  // the connection of an open MULTI or WATCH is gone; only EXEC, DISCARD and UNWATCH go on
	queued   []int // inside MULTI: for each queued command the database it selects, or -1
}

// pinned reports whether the next command means something on this connection only.
func (st *state) pinned() bool { return st.multi || st.watching }

// observe updates st with the reply of args and reports whether the node has changed the database.
func (st *state) observe(args []string, rep reply) (dbChanged bool) {
	name := strings.ToUpper(args[0])
	if len(args) == 1 && (name == "EXEC" || name == "DISCARD") { // with arguments it is an error and MULTI stays open
		return st.finish(name, rep)
	}
	if rep.isError() {
		return false
	}
	if st.multi && name != "RESET" {
		if rep.kind == '+' && rep.text == "QUEUED" {
			st.queued = append(st.queued, selects(name, args))
		}
		return false
	}
	switch name {
	case "SELECT":
		st.db = max(selects(name, args), 0)
		return true
	case "AUTH":
		st.authed(args[1:])
	case "HELLO":
		st.hello(args[1:])
	case "MULTI":
		st.multi = true
	case "WATCH":
		st.watching = true
	case "UNWATCH":
		st.watching = false
	case "RESET":
		*st = state{proto: 2}
		return true
	}
	return false
}

// finish closes the transaction. EXEC brings the database that a queued SELECT has chosen.
func (st *state) finish(name string, rep reply) (dbChanged bool) {
	if name == "EXEC" && len(rep.elems) == len(st.queued) {
		for i, db := range st.queued {
			if db >= 0 && !rep.elems[i].isError() {
				st.db, dbChanged = db, true
			}
		}
	}
	st.multi, st.watching, st.lost, st.queued = false, false, false, nil
	return dbChanged
}

// selects returns the database that a command selects, or -1.
func selects(name string, args []string) int {
	if name != "SELECT" || len(args) != 2 {
		return -1
	}
	db, err := strconv.Atoi(args[1])
	if err != nil {
		return -1
	}
	return db
}

func (st *state) authed(creds []string) {
	switch len(creds) {
	case 1:
		st.user, st.password = "", creds[0]
	case 2:
		st.user, st.password = creds[0], creds[1]
	}
}

// hello reads: [protover [AUTH user password] [SETNAME name]].
func (st *state) hello(args []string) {
	if len(args) == 0 {
		return
	}
	if n, err := strconv.Atoi(args[0]); err == nil {
		st.proto = n
	}
	for i, a := range args {
		if strings.EqualFold(a, "AUTH") && i+2 < len(args) {
			st.authed(args[i+1 : i+3])
			return
		}
	}
}

// refuse answers in place of a node what makes no sense after the connection of a MULTI or WATCH was lost: to go on
// elsewhere would run the rest of a transaction without its beginning, or without its WATCH.
func (st *state) refuse(args []string) (rep reply, refused bool) {
	if !st.lost {
		return reply{}, false
	}
	switch name := strings.ToUpper(args[0]); name {
	case "EXEC":
		st.finish(name, reply{})
		return errorReply("EXECABORT Transaction discarded because its connection was lost; nothing was executed"), true
	case "DISCARD", "UNWATCH":
		st.finish(name, reply{})
		return reply{kind: '+', text: "OK"}, true
	}
	return errorReply("ERR not sent: the connection was lost inside MULTI or WATCH; DISCARD and begin again"), true
}

// loseDuring says what became of args, whose connection to addr broke inside MULTI or WATCH.
func (st *state) loseDuring(args []string, sent bool, addr, why string) reply {
	name := strings.ToUpper(args[0])
	inMulti := st.multi
	switch name {
	case "EXEC", "DISCARD", "UNWATCH":
		st.finish(name, reply{})
	default:
		st.finish(name, reply{})
		st.lost = true
	}
	switch {
	case sent && (name == "EXEC" || !inMulti && name != "UNWATCH" && name != "WATCH" && name != "MULTI"):
		return inDoubt(name, addr, why)
	case inMulti:
		return errorReply("ERR connection to %s lost inside MULTI (%s): nothing of it was executed", addr, why)
	}
	return errorReply("ERR connection to %s lost and the WATCH with it (%s)", addr, why)
}

// inDoubt is what the console answers when the connection broke after a command was sent.
func inDoubt(name, addr, why string) reply {
	return errorReply("INDOUBT no reply to %s from %s (%s): it may or may not have taken effect", name, addr, why)
}
