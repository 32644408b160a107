package resp

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// member returns a voter that answers.
func member(id, addr string) replica.Member {
	return replica.Member{ID: id, NodeID: replica.NodeID(id), Addr: addr, Voter: true, Connected: true}
}

// threeNodes is what n2 knows while n1 leads.
func threeNodes() replica.Status {
	st := replica.Status{
		ID: "n2", NodeID: replica.NodeID("n2"), Cluster: "c1", State: "follower", LeaderID: "n1", LeaderAddr: "10.0.0.1:7001",
		Term: 7, AppliedIndex: 100, Voters: 3,
		Members: []replica.Member{member("n2", "10.0.0.2:7002"), member("n1", "10.0.0.1:7001"), member("n3", "10.0.0.3:7003")},
	}
	st.Members[0].Self = true
	st.Members[1].Leader = true
	st.Members[2].Lag = 10
	return st
}

// clusterClient is a client of a node that knows st.
func clusterClient(t *testing.T, st replica.Status) *client {
	t.Helper()
	b := &fakeBackend{}
	b.setStatus(st)
	_, addr := startServer(t, Options{Backend: b, Advertise: "10.0.0.2:7002"})
	return dial(t, addr)
}

// lines returns what a node says in CLUSTER NODES, with names for ids and without times.
func (c *client) lines() []string {
	c.t.Helper()
	text := string(c.do("CLUSTER", "NODES").Str)
	if !strings.HasSuffix(text, "\n") || strings.Contains(text, "\r") {
		c.t.Errorf("CLUSTER NODES: wrong line ends in %q", text)
	}
	for _, id := range []string{"n1", "n2", "n3"} {
		text = strings.ReplaceAll(text, replica.NodeID(id), id)
	}
	text = regexp.MustCompile(`\b[0-9]{13}\b`).ReplaceAllString(text, "T")
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// slots returns the hosts of CLUSTER SLOTS in their order.
func (c *client) slots() string {
	c.t.Helper()
	r := c.do("CLUSTER", "SLOTS")
	if len(r.Elems) != 1 || len(r.Elems[0].Elems) < 3 || r.Elems[0].Elems[0].Int != 0 || r.Elems[0].Elems[1].Int != 16383 {
		c.t.Fatalf("CLUSTER SLOTS: %+v", r)
	}
	var hosts []string
	for _, n := range r.Elems[0].Elems[2:] {
		if len(n.Elems) != 4 || n.Elems[3].Kind != reply.Array && n.Elems[3].Kind != reply.Map || len(n.Elems[3].Elems) > 0 {
			c.t.Errorf("CLUSTER SLOTS: node %+v", n)
		}
		hosts = append(hosts, fmt.Sprintf("%s:%d", n.Elems[0].Str, n.Elems[1].Int))
	}
	return strings.Join(hosts, " ")
}

// TestClusterMap follows a node through what it may know of the cluster.
func TestClusterMap(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(st *replica.Status)
		slots  string
		nodes  []string
	}{
		{"follower", func(*replica.Status) {}, "10.0.0.1:7001 10.0.0.2:7002 10.0.0.3:7003", []string{
			"n1 10.0.0.1:7001@7001 master - 0 T 7 connected 0-16383",
			"n2 10.0.0.2:7002@7002 myself,slave n1 0 T 7 connected",
			"n3 10.0.0.3:7003@7003 slave n1 0 T 7 connected",
		}},
		{"the leader is lost", func(st *replica.Status) {
			st.LeaderID, st.LeaderAddr, st.State = "", "", "candidate"
			st.Members[1].Connected = false
		}, "10.0.0.1:7001 10.0.0.2:7002 10.0.0.3:7003", []string{
			"n1 10.0.0.1:7001@7001 master,fail? - 0 0 7 disconnected 0-16383",
			"n2 10.0.0.2:7002@7002 myself,slave n1 0 T 7 connected",
			"n3 10.0.0.3:7003@7003 slave n1 0 T 7 connected",
		}},
		{"no leader was ever heard of", func(st *replica.Status) {
			st.LeaderID, st.LeaderAddr = "", ""
			st.Members[1].Leader = false
			st.Members[1].Connected, st.Members[2].Connected = false, false
		}, "10.0.0.1:7001 10.0.0.2:7002 10.0.0.3:7003", []string{
			"n1 10.0.0.1:7001@7001 master,fail? - 0 0 7 disconnected 0-16383",
			"n2 10.0.0.2:7002@7002 myself,slave n1 0 T 7 connected",
			"n3 10.0.0.3:7003@7003 slave,fail? n1 0 0 7 disconnected",
		}},
		{"nor has this node a vote", func(st *replica.Status) {
			st.Members[1].Leader, st.Members[0].Voter = false, false
		}, "10.0.0.1:7001 10.0.0.2:7002 10.0.0.3:7003", nil},
		{"leader", func(st *replica.Status) {
			st.State, st.LeaderID, st.LeaderAddr = "leader", "n2", "10.0.0.2:7002"
			st.Members[0].Leader, st.Members[1].Leader = true, false
			st.Members[2].Voter = false
		}, "10.0.0.2:7002 10.0.0.1:7001 10.0.0.3:7003", []string{
			"n2 10.0.0.2:7002@7002 myself,master - 0 T 7 connected 0-16383",
			"n1 10.0.0.1:7001@7001 slave n2 0 T 7 connected",
			"n3 10.0.0.3:7003@7003 slave n2 0 T 7 connected",
		}},
		{"no members", func(st *replica.Status) { st.Members = nil }, "10.0.0.2:7002", []string{
			"n2 10.0.0.2:7002@7002 myself,master - 0 T 7 connected 0-16383",
		}},
		{"no member itself", func(st *replica.Status) { st.Members = st.Members[1:] },
			"10.0.0.1:7001 10.0.0.3:7003 10.0.0.2:7002", nil},
		{"host names", func(st *replica.Status) {
			st.Members = []replica.Member{member("n1", "db-1.example:7001"), member("n2", "[::1]:7002"), member("n3", "odd")}
			st.Members[0].Leader, st.Members[1].Self = true, true
		}, "db-1.example:7001 ::1:7002 odd:0", []string{
			"n1 db-1.example:7001@7001,db-1.example master - 0 T 7 connected 0-16383",
			"n2 ::1:7002@7002 myself,slave n1 0 T 7 connected",
			"n3 odd:0@0,odd slave n1 0 T 7 connected",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			st := threeNodes()
			test.change(&st)
			c := clusterClient(t, st)
			if got := c.slots(); got != test.slots {
				t.Errorf("CLUSTER SLOTS: got %s, want %s", got, test.slots)
			}
			if got, want := strings.Join(c.lines(), "\n"), strings.Join(test.nodes, "\n"); test.nodes != nil && got != want {
				t.Errorf("CLUSTER NODES: got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestClusterShards(t *testing.T) {
	st := threeNodes()
	st.Members[0].Addr = "db-2.example:7002"
	st.Members = append(st.Members, member("n4", "10.0.0.4:7004"))
	st.Members[2].Connected = false
	st.Members[3].Lag = 1000
	r := clusterClient(t, st).do("CLUSTER", "SHARDS")
	if got := fmt.Sprint(render(r)); len(r.Elems) != 1 || len(field(r.Elems[0], "slots").Elems) != 2 {
		t.Fatal(got)
	}
	var got []string
	for _, n := range field(r.Elems[0], "nodes").Elems {
		var fields []string
		for i := 0; i+1 < len(n.Elems); i += 2 {
			v := n.Elems[i+1]
			fields = append(fields, fmt.Sprintf("%s=%s", n.Elems[i].Str, strings.Trim(render(v)[0], `"`)))
		}
		got = append(got, strings.Join(fields, " "))
	}
	want := []string{
		"id=" + replica.NodeID("n1") + " port=(integer) 7001 ip=10.0.0.1 endpoint=10.0.0.1 role=master replication-offset=(integer) 100 health=online",
		"id=" + replica.NodeID("n2") + " port=(integer) 7002 ip=db-2.example endpoint=db-2.example hostname=db-2.example role=replica replication-offset=(integer) 100 health=online",
		"id=" + replica.NodeID("n3") + " port=(integer) 7003 ip=10.0.0.3 endpoint=10.0.0.3 role=replica replication-offset=(integer) 90 health=fail",
		"id=" + replica.NodeID("n4") + " port=(integer) 7004 ip=10.0.0.4 endpoint=10.0.0.4 role=replica replication-offset=(integer) 0 health=loading",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestClusterInfo(t *testing.T) {
	const rest = "cluster_stats_messages_sent:0\r\ncluster_stats_messages_received:0\r\ntotal_cluster_links_buffer_limit_exceeded:0\r\n"
	st := threeNodes()
	c := clusterClient(t, st)
	want := "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\ncluster_slots_pfail:0\r\ncluster_slots_fail:0\r\n" +
		"cluster_known_nodes:3\r\ncluster_size:1\r\ncluster_current_epoch:7\r\ncluster_my_epoch:7\r\n" + rest
	if got := string(c.do("CLUSTER", "INFO").Str); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	st.LeaderID, st.LeaderAddr, st.Term = "", "", 8
	st.Members[1].Connected = false
	c = clusterClient(t, st)
	want = "cluster_state:fail\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:0\r\ncluster_slots_pfail:16384\r\ncluster_slots_fail:0\r\n" +
		"cluster_known_nodes:3\r\ncluster_size:1\r\ncluster_current_epoch:8\r\ncluster_my_epoch:8\r\n" + rest
	if got := string(c.do("CLUSTER", "INFO").Str); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestClusterAboutOneNode asks the subcommands that take or answer a node's id.
func TestClusterAboutOneNode(t *testing.T) {
	st := threeNodes()
	st.Members[2].Connected = false
	c := clusterClient(t, st)
	n1, n2, n3 := replica.NodeID("n1"), replica.NodeID("n2"), replica.NodeID("n3")
	if got := string(c.do("CLUSTER", "MYID").Str); got != n2 {
		t.Errorf("MYID: %s, want %s", got, n2)
	}
	shard := c.do("CLUSTER", "MYSHARDID").Str
	st.ID, st.NodeID = "n1", n1
	if other := clusterClient(t, st).do("CLUSTER", "MYSHARDID").Str; string(other) != string(shard) || len(shard) != 40 {
		t.Errorf("MYSHARDID: %s and %s", shard, other)
	}
	for _, word := range []string{"REPLICAS", "SLAVES"} {
		r := c.do("CLUSTER", word, n1)
		if len(r.Elems) != 2 || !strings.HasPrefix(string(r.Elems[0].Str), n2+" 10.0.0.2:7002@7002 myself,slave "+n1+" 0 ") ||
			!strings.HasSuffix(string(r.Elems[1].Str), " 7 disconnected") {
			t.Errorf("%s: %q", word, render(r))
		}
		c.ask("CLUSTER "+word+" "+n2+"\r\n", "-ERR The specified node is not a master\r\n")
	}
	c.ask("CLUSTER COUNT-FAILURE-REPORTS "+n1+"\r\n", ":0\r\n")
	c.ask("CLUSTER COUNT-FAILURE-REPORTS "+n3+"\r\n", ":1\r\n")
	r := c.do("CLUSTER", "LINKS")
	if len(r.Elems) != 1 || string(field(r.Elems[0], "node").Str) != n1 || string(field(r.Elems[0], "direction").Str) != "to" {
		t.Errorf("LINKS: %q", render(r))
	}
}
