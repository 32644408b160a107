package resp

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// saysRoles asks each place that tells of roles, and returns the answers in one form: "role of host:port link state".
func (c *client) saysRoles() map[string]string {
	c.t.Helper()
	said := make(map[string]string)
	at := func(host, port any) string { return fmt.Sprintf("%s:%s", host, port) }
	info := make(map[string]string)
	for _, line := range strings.Split(string(c.do("INFO", "replication").Str)+"\r\n"+string(c.do("CLUSTER", "INFO").Str), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		info[name] = value
	}
	word := map[string]string{"master": "master", "slave": "slave", "replica": "slave", "up": "up", "connected": "up", "online": "up"}
	say := func(place, role, master, link string) {
		if word[role] == "master" {
			said[place] = "master"
			return
		}
		said[place] = fmt.Sprintf("%s of %s %s", word[role], master, map[bool]string{true: "up", false: "down"}[word[link] == "up"])
	}
	say("INFO", info["role"], at(info["master_host"], info["master_port"]), info["master_link_status"])
	if role := c.do("ROLE"); string(role.Elems[0].Str) == "master" {
		say("ROLE", "master", "", "")
	} else {
		say("ROLE", "slave", at(role.Elems[1].Str, strconv.FormatInt(role.Elems[2].Int, 10)), string(role.Elems[3].Str))
	}
	var own, of []string
	for _, line := range c.lines() {
		f := strings.Fields(line)
		if strings.Contains(f[2], "myself") {
			own = f
		}
		if len(f) > 8 {
			of = f
		}
	}
	role := strings.TrimPrefix(own[2], "myself,")
	if of == nil {
		of = own // nobody has slots
	}
	say("CLUSTER NODES", role, of[1][:strings.Index(of[1], "@")], of[7])
	if role == "slave" && own[3] != of[0] {
		c.t.Errorf("CLUSTER NODES: the master is %s, and %s has the slots", own[3], of[0])
	}
	said["CLUSTER INFO"] = info["cluster_state"]
	said["HELLO"] = word[string(c.do("HELLO").Elems[11].Str)]
	if r := c.do("CLUSTER", "SLOTS"); len(r.Elems) > 0 {
		said["CLUSTER SLOTS"] = at(r.Elems[0].Elems[2].Elems[0].Str, strconv.FormatInt(r.Elems[0].Elems[2].Elems[1].Int, 10))
	}
	for _, n := range field(c.do("CLUSTER", "SHARDS").Elems[0], "nodes").Elems {
		addr := at(field(n, "endpoint").Str, strconv.FormatInt(field(n, "port").Int, 10))
		if string(field(n, "role").Str) == "master" {
			said["CLUSTER SHARDS"] = addr + " " + string(field(n, "health").Str)
		}
	}
	master := c.do("SENTINEL", "MASTERS").Elems[0]
	said["SENTINEL MASTERS"] = at(field(master, "ip").Str, field(master, "port").Str) + " " + string(field(master, "flags").Str)
	if r := c.do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "cairn"); r.Kind != reply.NullArray {
		said["SENTINEL GET-MASTER-ADDR-BY-NAME"] = at(r.Elems[0].Str, r.Elems[1].Str)
	}
	return said
}

// TestOneRole: whatever a node knows, all places that tell of roles say the same.
func TestOneRole(t *testing.T) {
	const n1, n2, n3 = "10.0.0.1:7001", "10.0.0.2:7002", "10.0.0.3:7003"
	leads := func(st *replica.Status) {
		st.State, st.LeaderID, st.LeaderAddr = "leader", "n2", n2
		st.Members[0].Leader, st.Members[1].Leader = true, false
	}
	unled := func(st *replica.Status) { st.State, st.LeaderID, st.LeaderAddr = "follower", "", "" }
	forgotten := func(st *replica.Status) { st.Members[0].Leader, st.Members[1].Leader = false, false }
	for name, test := range map[string]struct {
		changes []func(st *replica.Status)
		own     string // what the node says of itself
		led     bool
		shown   string // the master that clients are sent to; empty: none
		guess   bool
	}{
		"leader":                     {[]func(*replica.Status){leads}, "master", true, n2, false},
		"leader of others' old news": {[]func(*replica.Status){leads, func(st *replica.Status) { forgotten(st); st.Members[1].Leader = true }}, "master", true, n2, false},
		"follower":                   {nil, "slave of " + n1 + " up", true, n1, false},
		"learner":                    {[]func(*replica.Status){func(st *replica.Status) { st.Members[0].Voter = false }}, "slave of " + n1 + " up", true, n1, false},
		"the leader is lost":         {[]func(*replica.Status){unled}, "slave of " + n1 + " down", false, n1, false},
		"candidate":                  {[]func(*replica.Status){unled, func(st *replica.Status) { st.State = "candidate" }}, "slave of " + n1 + " down", false, n1, false},
		"led, and leads no more":     {[]func(*replica.Status){leads, unled}, "slave of " + n1 + " down", false, n1, true},
		"and one is away":            {[]func(*replica.Status){leads, unled, func(st *replica.Status) { st.Members[1].Connected = false }}, "slave of " + n3 + " down", false, n3, true},
		"led, and another one leads": {[]func(*replica.Status){leads, unled, func(st *replica.Status) { st.LeaderID, st.LeaderAddr = "n3", n3 }}, "slave of " + n3 + " up", true, n3, false},
		"has heard of no leader":     {[]func(*replica.Status){unled, forgotten}, "slave of " + n1 + " down", false, n1, true},
		"the only one, not yet led":  {[]func(*replica.Status){unled, func(st *replica.Status) { st.Members = st.Members[:1] }}, "master", false, n2, false},
		"not founded":                {[]func(*replica.Status){unled, func(st *replica.Status) { st.Members = nil }}, "master", false, n2, false},
		"to join":                    {[]func(*replica.Status){unled, func(st *replica.Status) { st.Members, st.Standing = nil, replica.Joining }}, "master", false, "", false},
		"joining":                    {[]func(*replica.Status){func(st *replica.Status) { st.Standing = replica.Joining }}, "slave of " + n1 + " up", true, n1, false},
		"removed":                    {[]func(*replica.Status){func(st *replica.Status) { st.Members, st.Standing = st.Members[1:], replica.Removed }}, "slave of " + n1 + " up", true, n1, false},
		"removed, and hears nothing": {[]func(*replica.Status){unled, func(st *replica.Status) { st.Members, st.Standing = st.Members[1:], replica.Removed }}, "slave of " + n1 + " down", false, n1, false},
		"removed while it led":       {[]func(*replica.Status){leads, unled, func(st *replica.Status) { st.Members, st.Standing = st.Members[1:], replica.Removed }}, "slave of " + n1 + " down", false, n1, true},
	} {
		t.Run(name, func(t *testing.T) {
			st := threeNodes()
			for _, change := range test.changes {
				change(&st)
			}
			master, health, flags, state := test.shown, "online", "master", "ok"
			if !test.led {
				state = "fail"
				if test.own != "master" {
					health, flags = "fail", "master,s_down"
				}
			}
			own, _, _ := strings.Cut(test.own, " ")
			want := map[string]string{
				"INFO": test.own, "ROLE": test.own, "CLUSTER NODES": test.own, "HELLO": own, "CLUSTER INFO": state,
				"CLUSTER SLOTS": master, "CLUSTER SHARDS": master + " " + health,
				"SENTINEL MASTERS": master + " " + flags, "SENTINEL GET-MASTER-ADDR-BY-NAME": master,
			}
			if test.guess {
				delete(want, "SENTINEL GET-MASTER-ADDR-BY-NAME")
			}
			if master == "" { // it shows itself, without slots
				want["SENTINEL MASTERS"] = n2 + " " + flags
				for _, place := range []string{"CLUSTER SLOTS", "CLUSTER SHARDS", "SENTINEL GET-MASTER-ADDR-BY-NAME"} {
					delete(want, place)
				}
			}
			got := clusterClient(t, st).saysRoles()
			for place := range got {
				if _, ok := want[place]; !ok {
					want[place] = "nothing"
				}
			}
			for place, what := range want {
				if got[place] != what {
					t.Errorf("%s: %q, want %q", place, got[place], what)
				}
			}
		})
	}
}

// TestNeverHeard: what was never heard was not heard 292 years ago.
func TestNeverHeard(t *testing.T) {
	st := threeNodes()
	st.LeaderID, st.LeaderAddr, st.LastContact = "", "", -1
	text := string(clusterClient(t, st).do("INFO", "replication", "raft").Str)
	for _, line := range []string{"master_last_io_seconds_ago:-1", "master_link_down_since_seconds:-1", "raft_last_contact_ms:-1"} {
		if !strings.Contains(text, "\r\n"+line+"\r\n") {
			t.Errorf("no line %s in %s", line, text)
		}
	}
}
