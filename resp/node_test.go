package resp

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"cairn/fsm/replica"
)

// clusterStatus is what the leader of three nodes knows, one of which lags and one of which is away.
func clusterStatus() replica.Status {
	return replica.Status{
		ID: "n1", NodeID: replica.NodeID("n1"), Cluster: "c0ffee", State: "leader", Ready: true, LeaderID: "n1", LeaderAddr: "10.0.0.1:7001",
		Term: 3, AppliedIndex: 119, Voters: 3, LogStatus: replica.LogStatus{CommitIndex: 120, SnapshotIndex: 110, LastLogIndex: 121},
		Members: []replica.Member{
			{ID: "n1", Addr: "10.0.0.1:7001", Voter: true, Leader: true, Self: true, Connected: true},
			{ID: "n2", Addr: "10.0.0.2:7002", Voter: true, Connected: true, Applied: 115, Lag: 4, LastContact: 2900 * time.Millisecond},
			{ID: "n3", Addr: "10.0.0.3:7003", Voter: true, LastContact: -1},
			{ID: "n4", Addr: "10.0.0.4:7004", Connected: true},
		},
		Figures: replica.Figures{ExpiredKeys: 7, Snapshots: 11, Reads: 12, Entries: 13},
	}
}

func TestInfo(t *testing.T) {
	backend := &fakeBackend{}
	st := clusterStatus()
	st.Databases[0].Keys, st.Databases[0].Expires, st.Databases[5].Keys = 3, 1, 2
	st.Hits, st.Misses = 11, 4
	st.RowCacheBytes = 1 << 50 // more than Go has
	backend.setStatus(st)
	_, addr := startServer(t, Options{Backend: backend, Version: "1.2.3", Advertise: "10.0.0.1:7001"})
	c := dial(t, addr)
	c.do("GET", "a", "b")
	c.do("GET", "a")
	info := func(sections ...string) string { return string(c.do(append([]string{"INFO"}, sections...)...).Str) }
	for _, line := range []string{
		"# Server", "redis_version:7.0.15", "cairn_version:1.2.3", "redis_mode:cluster", "tcp_port:7001", "# Clients", "connected_clients:1",
		"maxclients:10000", "# Memory", "used_memory_human:1.00P", "used_memory_rss_human:1.00P", "maxmemory_policy:noeviction", "# Persistence", "aof_enabled:1", "# Stats", "expired_keys:7",
		"# Replication", "role:master", "connected_slaves:3", "slave0:ip=10.0.0.2,port=7002,state=online,offset=115,lag=2",
		"slave1:ip=10.0.0.3,port=7003,state=wait_bgsave,offset=119,lag=-1", "slave2:ip=10.0.0.4,port=7004,state=online,offset=119,lag=0",
		"# CPU", "# Modules", "# Errorstats", "errorstat_ERR:count=1", "# Cluster", "cluster_enabled:1",
		"# Raft", "raft_state:leader", "raft_leader_id:n1", "raft_leader_addr:10.0.0.1:7001", "raft_term:3", "raft_commit_index:120",
		"raft_applied_index:119", "raft_snapshot_index:110", "raft_last_contact_ms:0", "raft_num_voters:3",
		"raft_node0:id=n1,addr=10.0.0.1:7001,state=leader,lag=0", "raft_node1:id=n2,addr=10.0.0.2:7002,state=follower,lag=4",
		"raft_node2:id=n3,addr=10.0.0.3:7003,state=disconnected,lag=0", "raft_node3:id=n4,addr=10.0.0.4:7004,state=learner,lag=0",
		"# Keyspace", "db0:keys=3,expires=1,avg_ttl=0", "db5:keys=2,expires=0,avg_ttl=0",
	} {
		if !strings.Contains("\r\n"+info(), "\r\n"+line+"\r\n") {
			t.Errorf("INFO has no line %q", line)
		}
	}
	sections := func(s string) string {
		return strings.Join(regexp.MustCompile(`(?m)^# \w+`).FindAllString(s, -1), " ")
	}
	const byDefault = "# Server # Clients # Memory # Persistence # Stats # Replication # CPU # Modules # Errorstats # Cluster # Raft # Keyspace"
	all := strings.Replace(byDefault, "# Errorstats", "# Commandstats # Errorstats", 1)
	for asked, want := range map[string]string{
		"": byDefault, "default": byDefault, "all": all, "everything": all, "nosuch": "", "KEYSPACE raft raft": "# Raft # Keyspace",
		"commandstats default": all,
	} {
		if got := sections(info(strings.Fields(asked)...)); got != want {
			t.Errorf("INFO %s has the sections %s, want %s", asked, got, want)
		}
	}
	stats := info("commandstats")
	if !regexp.MustCompile(`cmdstat_get:calls=1,usec=\d+,usec_per_call=\d+\.00,rejected_calls=1,failed_calls=0\r\n`).MatchString(stats) {
		t.Errorf("%s", stats)
	}
	reads := func() int {
		m := regexp.MustCompile(`total_reads_processed:(\d+)\r\n`).FindStringSubmatch(info("stats"))
		n, _ := strconv.Atoi(m[1])
		return n
	}
	if before, after := reads(), reads(); after != before+1 {
		t.Errorf("total_reads_processed: %d, and one read later %d", before, after)
	}
	counted := []string{"expired_keys:7\r\n", "keyspace_hits:11\r\n", "keyspace_misses:4\r\n"}
	for _, line := range counted {
		if !strings.Contains(info("stats"), line) {
			t.Errorf("INFO has no line %q", line)
		}
	}
	c.do("CONFIG", "RESETSTAT")
	if stats := info("commandstats"); strings.Contains(stats, "cmdstat_get:") {
		t.Errorf("after RESETSTAT: %s", stats)
	}
	if n := reads(); n > 2 {
		t.Errorf("after RESETSTAT: %d reads", n)
	}
	for _, line := range counted {
		name, _, _ := strings.Cut(line, ":")
		if stats := info("stats"); !strings.Contains(stats, name+":0\r\n") {
			t.Errorf("after RESETSTAT: %s", stats)
		}
	}
	st.Hits, st.Misses = st.Hits+2, st.Misses+1
	backend.setStatus(st)
	if stats := info("stats"); !strings.Contains(stats, "keyspace_hits:2\r\nkeyspace_misses:1\r\n") {
		t.Errorf("after RESETSTAT and three look-ups: %s", stats)
	}
}

func TestInfoOfAFollower(t *testing.T) {
	backend := &fakeBackend{}
	st := clusterStatus()
	st.State, st.Ready, st.LeaderID, st.LeaderAddr, st.LastContact = "follower", false, "n2", "10.0.0.2:7002", 1500*time.Millisecond
	backend.setStatus(st)
	_, addr := startServer(t, Options{Backend: backend})
	c := dial(t, addr)
	got := "\r\n" + string(c.do("INFO", "replication", "raft").Str)
	for _, line := range []string{"role:slave", "master_host:10.0.0.2", "master_port:7002", "master_link_status:up",
		"master_last_io_seconds_ago:1", "slave_repl_offset:119", "raft_state:follower", "raft_last_contact_ms:1500"} {
		if !strings.Contains(got, "\r\n"+line+"\r\n") {
			t.Errorf("no line %q in %s", line, got)
		}
	}
	if r := c.do("WAIT", "1", "0"); string(r.Str) != "ERR WAIT cannot be used with replica instances." {
		t.Errorf("WAIT: %s", r.Str)
	}
	if role := c.do("HELLO").Elems[11]; string(role.Str) != "replica" {
		t.Errorf("HELLO: role %s", role.Str)
	}
}

// TestInfoFieldsAsRedis: what a line of ours is called, it is called by Redis, but what only Cairn has.
func TestInfoFieldsAsRedis(t *testing.T) {
	names := func(c *client) map[string]bool {
		all := make(map[string]bool)
		for _, m := range regexp.MustCompile(`(?m)^(\w+):`).FindAllStringSubmatch(string(c.do("INFO", "everything").Str), -1) {
			all[m[1]] = true
		}
		return all
	}
	_, cairn := startServer(t, Options{Backend: leaderBackend()})
	theirs := names(dial(t, startRedis(t)))
	for name := range names(dial(t, cairn)) {
		if !theirs[name] && name != "cairn_version" && name != "go_version" && !strings.HasPrefix(name, "raft_") {
			t.Errorf("Redis has no field %s", name)
		}
	}
}

// TestWait counts the majority, which holds every acknowledged write, and whoever else is known to.
func TestWait(t *testing.T) {
	backend := &fakeBackend{}
	backend.setStatus(clusterStatus())
	bubble(t, Options{Backend: backend}, func(t *testing.T, _ *Server, dial func() *client) {
		c := dial()
		start := time.Now()
		c.ask("WAIT 0 0\r\nWAIT 1 0\r\n", ":1\r\n:1\r\n")
		if d := time.Since(start); d != 0 {
			t.Errorf("it waited %v for what was so", d)
		}
		c.ask("WAIT 2 500\r\n", ":1\r\n")
		if d := time.Since(start); d != 500*time.Millisecond {
			t.Errorf("it waited %v", d)
		}
		c.send("WAIT 2 0\r\n")
		pass(time.Minute)
		st := clusterStatus()
		st.AppliedIndex += 100
		st.Members[1].Applied, st.Members[2].Applied, st.Members[2].Connected = 169, 119, true
		backend.setStatus(st)
		c.expect(":2\r\n")
	})
}

func TestTime(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *Server, dial func() *client) {
		pass(1234567 * time.Microsecond)
		r := dial().do("TIME")
		sec, _ := strconv.ParseInt(string(r.Elems[0].Str), 10, 64)
		if sec != time.Now().Unix() || string(r.Elems[1].Str) != "234567" {
			t.Errorf("TIME answers %q %q", r.Elems[0].Str, r.Elems[1].Str)
		}
	})
}
