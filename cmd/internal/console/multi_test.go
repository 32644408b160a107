package console

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// slots is a CLUSTER SLOTS reply with one master.
func slots(addr, id string) string {
	host, port, _ := net.SplitHostPort(addr)
	return fmt.Sprintf("*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n$%d\r\n%s\r\n:%s\r\n$%d\r\n%s\r\n*0\r\n",
		len(host), host, port, len(id), id)
}

// TestMultiGoesToTheLeader: inside MULTI no redirect can be followed, so the console looks for the leader before.
func TestMultiGoesToTheLeader(t *testing.T) {
	tx := []string{"MULTI", "+OK\r\n", "SET k v", "+QUEUED\r\n", "EXEC", "*1\r\n+OK\r\n", "watch k", "+OK\r\n"}
	leader := startNode(t, answers(tx...))
	follower := startNode(t, answers("CLUSTER SLOTS", slots(leader.addr(), "L"), "CLUSTER MYID", "$1\r\nF\r\n"))
	out := "OK\nQUEUED\n1) OK\n"
	run(t, Options{Addrs: []string{follower.addr()}}, "MULTI\nSET k v\nEXEC\n").want(t, out, "", nil)
	follower.want(t)
	run(t, Options{Addrs: []string{follower.addr()}}, "watch k\nMULTI\nSET k v\nEXEC\n").want(t, "OK\n"+out, "", nil)
	follower.want(t)

	alias := startNode(t, answers(append(tx, "CLUSTER SLOTS", slots("10.255.255.1:7", "L"), "CLUSTER MYID", "$1\r\nL\r\n")...))
	run(t, Options{Addrs: []string{alias.addr()}}, "MULTI\nSET k v\nEXEC\n").want(t, out, "", nil)
}

// TestPinned lists what happens when a node goes away or redirects while a MULTI or WATCH is open.
// No command may reach another node then, and none may be executed outside its transaction.
func TestPinned(t *testing.T) {
	const refused = "(error) ERR not sent: "
	for _, tc := range []struct {
		name, script string
		lines        []string // prefixes of the output, line by line
		err          error
		got          string // what the node got
	}{
		{"queueing", "MULTI\nDROP\nSET k v\nEXEC\nGET k\n",
			[]string{"OK", "(error) ERR connection to ", refused, "(error) EXECABORT ", "v"}, ErrReply,
			"MULTI|DROP|GET k"},
		{"discarded", "MULTI\nDROP\nDISCARD\nGET k\n",
			[]string{"OK", "(error) ERR connection to ", "OK", "v"}, ErrReply, "MULTI|DROP|GET k"},
		{"exec", "MULTI\nSET k v\nEXEC\nGET k\n",
			[]string{"OK", "QUEUED", "(error) INDOUBT ", "v"}, ErrInDoubt, "MULTI|SET k v|EXEC|GET k"},
		{"watch", "WATCH k\nDROP\nMULTI\nSET k v\nEXEC\nGET k\n",
			[]string{"OK", "(error) INDOUBT ", refused, refused, "(error) EXECABORT ", "v"}, ErrInDoubt,
			"WATCH k|DROP|GET k"},
		{"unwatch", "WATCH k\nUNWATCH\nGET k\n",
			[]string{"OK", "(error) ERR connection to ", "v"}, ErrReply, "WATCH k|UNWATCH|GET k"},
		{"moved", "MULTI\nMOVE\nDISCARDX\n",
			[]string{"OK", "(error) MOVED 1 127.0.0.1:1", "(error) ERR unknown"}, ErrReply, "MULTI|MOVE|DISCARDX"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := startNode(t, answers("MULTI", "+OK\r\n", "WATCH k", "+OK\r\n", "SET k v", "+QUEUED\r\n", "GET k", "+v\r\n",
				"MOVE", "-MOVED 1 127.0.0.1:1\r\n", "EXEC", drop, "DROP", drop, "UNWATCH", drop))
			other := startNode(t, answers("*", "+WRONG\r\n"))
			r := run(t, Options{Addrs: []string{n.addr(), other.addr()}}, tc.script)
			lines := strings.Split(strings.TrimSuffix(r.out, "\n"), "\n")
			for i := range max(len(lines), len(tc.lines)) {
				if i >= len(lines) || i >= len(tc.lines) || !strings.HasPrefix(lines[i], tc.lines[i]) {
					t.Fatalf("printed %q, want %q", lines, tc.lines)
				}
			}
			if !isErr(r.err, tc.err) {
				t.Errorf("error %v, want %v", r.err, tc.err)
			}
			n.want(t, strings.Split(tc.got, "|")...)
			other.want(t)
		})
	}
}

// TestIdleMulti: a node that closed the connection before EXEC has certainly not executed it.
func TestIdleMulti(t *testing.T) {
	for _, last := range []string{"EXEC", "SET k v", "GET k"} {
		n := startNode(t, answers("MULTI", "+OK\r\n", "*", "+WRONG\r\n"))
		s := newTestSession(n)
		s.idle = 0
		if rep, err := s.do(t.Context(), []string{"MULTI"}); err != nil || rep.text != "OK" {
			t.Fatalf("%+v, %v", rep, err)
		}
		n.closeConns()
		rep, err := s.do(t.Context(), strings.Fields(last))
		if err != nil || !strings.Contains(rep.text, "nothing of it was executed") {
			t.Errorf("%s: %+v, %v", last, rep, err)
		}
		n.want(t, "MULTI")
	}
}

// TestState checks which commands change what a new connection must be given.
func TestState(t *testing.T) {
	ok, queued := reply{kind: '+', text: "OK"}, reply{kind: '+', text: "QUEUED"}
	exec := reply{kind: '*', elems: []reply{ok, ok}}
	type step struct {
		cmd string
		rep reply
	}
	for _, tc := range []struct {
		name  string
		steps []step
		want  state
	}{
		{"select", []step{{"select 3", ok}}, state{proto: 2, db: 3}},
		{"select refused", []step{{"select 3", errorReply("ERR")}}, state{proto: 2}},
		{"select queued and discarded", []step{{"MULTI", ok}, {"SELECT 3", queued}, {"DISCARD", ok}}, state{proto: 2}},
		{"select queued", []step{{"MULTI", ok}, {"SELECT 3", queued}}, state{proto: 2, multi: true, queued: []int{3}}},
		{"select executed", []step{{"MULTI", ok}, {"GET", queued}, {"SELECT 3", queued}, {"EXEC", exec}}, state{proto: 2, db: 3}},
		{"select failed", []step{{"MULTI", ok}, {"SELECT 99", queued}, {"EXEC", reply{kind: '*', elems: []reply{errorReply("ERR")}}}},
			state{proto: 2}},
		{"watch failed", []step{{"MULTI", ok}, {"SELECT 3", queued}, {"EXEC", reply{null: true}}}, state{proto: 2}},
		{"exec with an argument", []step{{"MULTI", ok}, {"EXEC x", errorReply("ERR")}}, state{proto: 2, multi: true}},
		{"auth", []step{{"AUTH pw", ok}}, state{proto: 2, password: "pw"}},
		{"auth refused", []step{{"AUTH ann pw", errorReply("WRONGPASS")}}, state{proto: 2}},
		{"hello", []step{{"HELLO 3 AUTH ann pw SETNAME x", ok}}, state{proto: 3, user: "ann", password: "pw"}},
		{"hello without version", []step{{"HELLO", ok}}, state{proto: 2}},
		{"watch", []step{{"WATCH k", ok}}, state{proto: 2, watching: true}},
		{"unwatch", []step{{"WATCH k", ok}, {"UNWATCH", ok}}, state{proto: 2}},
		{"reset", []step{{"AUTH pw", ok}, {"SELECT 3", ok}, {"MULTI", ok}, {"RESET", ok}}, state{proto: 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			st := state{proto: 2}
			for _, s := range tc.steps {
				st.observe(strings.Fields(s.cmd), s.rep)
			}
			if fmt.Sprintf("%+v", st) != fmt.Sprintf("%+v", tc.want) {
				t.Errorf("state %+v, want %+v", st, tc.want)
			}
		})
	}
}
