package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/redistest"
)

// ask sends one call to node i and returns the reply's text, "" when it does not answer.
func (p *processes) ask(i int, words ...string) string {
	client, err := redistest.Dial(p.addr(i))
	if err != nil {
		return ""
	}
	defer client.Close()
	r, err := client.Cmd(words...)
	if err != nil {
		return ""
	}
	if len(r.Elems) == 0 {
		return string(r.Str)
	}
	var all []string
	for _, e := range r.Elems {
		all = append(all, string(e.Str))
	}
	return strings.Join(all, " ")
}

// set writes a key through the leader.
func (p *processes) set(key, value string) {
	p.t.Helper()
	clustertest.Eventually(p.t, "an acknowledged write", func() bool { return p.ask(p.leader(), "SET", key, value) == "OK" })
}

// without returns the arguments of node i without some flags, each of which has a value.
func (p *processes) without(i int, flags ...string) (args []string) {
	for k := 0; k < len(p.nodes[i].args); k++ {
		drop := false
		for _, f := range flags {
			drop = drop || p.nodes[i].args[k] == f
		}
		if drop {
			k++
		} else {
			args = append(args, p.nodes[i].args[k])
		}
	}
	return args
}

// at returns the arguments with which node i comes up on another port.
func (p *processes) at(i int, port string) []string {
	return append(p.without(i, "--port", "--peers"), "--port", port, "--advertise", "127.0.0.1:"+port)
}

// stays waits for a time in which something must stay true, and says whether it did.
func stays(d time.Duration, ok func() bool) bool {
	for end := time.After(d); ; {
		if !ok() {
			return false
		}
		select {
		case <-end:
			return true
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// agreed waits until all nodes answer a read alike.
func (p *processes) agreed(want string, words ...string) {
	p.t.Helper()
	for i := range p.nodes {
		got := ""
		clustertest.Eventually(p.t, fmt.Sprintf("%v of node %d to be %q", words, i+1, want), func() bool {
			got = p.ask(i, words...)
			return got == want
		})
	}
}

// TestAtAnothersAddress: a member that comes up at the address of another one is not taken for it. It gets no second
// vote, and what the others have acknowledged stays.
func TestAtAnothersAddress(t *testing.T) {
	p := startNodes(t, 3)
	p.set("before", "1")
	p.end(2, syscall.SIGKILL)
	p.set("acked1", "1")
	p.set("acked2", "1")
	p.end(0, syscall.SIGKILL)
	p.end(1, syscall.SIGKILL)

	own, port := p.nodes[2].args, p.nodes[2].port
	p.nodes[2].args, p.nodes[2].port = p.at(2, p.nodes[1].port), p.nodes[1].port
	p.start(2)
	clustertest.Eventually(t, "n3 to answer", func() bool { return p.info(2, "raft_state") != "" })
	if !stays(3*time.Second, func() bool { return p.info(2, "raft_state") != "leader" }) {
		t.Error("n3 leads with its own vote and that of n2, whose address it has")
	}
	p.start(0)
	clustertest.Eventually(t, "n1 to answer", func() bool { return p.info(0, "raft_state") != "" })
	if !stays(3*time.Second, func() bool { return !strings.HasPrefix(p.ask(2, "SET", "x", "1"), "OK") }) {
		t.Error("n3, which lacks acknowledged writes, takes one")
	}
	p.end(0, syscall.SIGKILL)
	p.end(2, syscall.SIGKILL)
	if log := p.nodes[2].log.String(); !strings.Contains(log, "here answers n3") {
		t.Errorf("the log does not say who answers at n2's address:\n%s", log)
	}
	p.nodes[2].args, p.nodes[2].port = own, port
	for i := range p.nodes {
		p.start(i)
	}
	p.leader()
	p.agreed("1 1 1", "MGET", "before", "acked1", "acked2")
}

// TestForeignFounder: a fresh node of another cluster at the address of a dead member is not taken for that, and a
// write that only it would store is not acknowledged.
func TestForeignFounder(t *testing.T) {
	p := startNodes(t, 3)
	p.set("before", "1")
	leader := p.leader()
	dead, other := (leader+1)%3, (leader+2)%3
	p.end(dead, syscall.SIGKILL)
	free := redistest.Ports(t, 2)
	peers := fmt.Sprintf("m1=127.0.0.1:%s,m2=127.0.0.1:%s,m3=%s", free[0], free[1], p.addr(dead))
	p.nodes = append(p.nodes, &process{args: []string{"serve", "--id", "m3", "--dir", t.TempDir(), "--peers", peers}, port: p.nodes[dead].port})
	p.start(3)
	if code := p.wait(3); code != 2 {
		t.Errorf("m3 ends with %d, want 2", code)
	}
	if log := p.nodes[3].log.String(); !strings.Contains(log, "has its member "+fmt.Sprint("n", dead+1)) || !strings.Contains(log, "--join") {
		t.Errorf("m3 does not say whose address it has:\n%s", log)
	}
	p.nodes[3].args = append(p.nodes[3].args, "--new-cluster") // it stays now, and is refused
	p.start(3)
	clustertest.Eventually(t, "m3 to answer", func() bool { return p.info(3, "raft_state") != "" })
	p.end(other, syscall.SIGKILL)
	if got := p.ask(leader, "SET", "acked", "1"); got == "OK" {
		t.Error("a write is acknowledged that the leader and a stranger have stored")
	}
	p.end(3, syscall.SIGKILL)
	p.nodes = p.nodes[:3]
	p.start(dead)
	p.start(other)
	p.leader()
	p.agreed("1", "MGET", "before")
}

// TestRival: a new cluster that names a member of a living one among its own, and has a majority without it, does not
// get it; nor does a new node of a member's own name, at its address, at its operator's word.
func TestRival(t *testing.T) {
	p := startNodes(t, 3)
	p.set("k", "1")
	leader := p.leader()
	f := (leader + 1) % 3
	term := p.info(f, "raft_term")
	ports := redistest.Ports(t, 2)
	peers := fmt.Sprintf("m1=127.0.0.1:%s,m3=127.0.0.1:%s,n%d=%s", ports[0], ports[1], f+1, p.addr(f))
	for _, i := range []int{0, 1} {
		id := []string{"m1", "m3"}[i]
		p.nodes = append(p.nodes, &process{args: []string{"serve", "--id", id, "--port", ports[i], "--dir", t.TempDir(), "--peers", peers}, port: ports[i]})
		p.start(3 + i)
	}
	clustertest.Eventually(t, "the rivals to serve", func() bool { return p.ask(3, "GET", "k") == "" && p.info(3, "raft_leader_id") != "" })
	if !stays(2*time.Second, func() bool {
		return p.info(f, "raft_term") == term && p.info(f, "raft_leader_id") == fmt.Sprint("n", leader+1)
	}) {
		t.Errorf("n%d follows %s in term %s", f+1, p.info(f, "raft_leader_id"), p.info(f, "raft_term"))
	}
	p.end(3, syscall.SIGKILL)
	p.end(4, syscall.SIGKILL)
	p.nodes = p.nodes[:3]
	p.agreed("1", "GET", "k")

	p.end(f, syscall.SIGKILL)
	other := (leader + 2) % 3
	p.nodes = append(p.nodes, &process{port: p.nodes[f].port,
		args: []string{"serve", "--id", fmt.Sprint("n", f+1), "--port", p.nodes[f].port, "--dir", t.TempDir(), "--new-cluster"}})
	p.start(3)
	clustertest.Eventually(t, "the new cluster to serve", func() bool { return p.ask(3, "SET", "own", "1") == "OK" })
	p.end(other, syscall.SIGKILL)
	if got := p.ask(leader, "SET", "acked", "1"); got == "OK" {
		t.Error("a write is acknowledged that the leader and a stranger have stored")
	}
	p.end(3, syscall.SIGKILL)
	p.nodes = p.nodes[:3]
	p.start(f)
	p.start(other)
	p.leader()
	p.agreed("1", "GET", "k")
}

// wait waits until node i ends by itself, and returns its exit code.
func (p *processes) wait(i int) int {
	p.t.Helper()
	n := p.nodes[i]
	kill := time.AfterFunc(clustertest.Patience, func() { _ = n.cmd.Process.Kill() })
	defer kill.Stop()
	return p.end(i, syscall.Signal(0))
}

// TestFoundedAnew: a member that is started again on an empty directory as it was when it founded its cluster, or
// joined it, founds no second one at its address. It says how to come back, and comes back that way.
func TestFoundedAnew(t *testing.T) {
	p := startNodes(t, 1)
	for i, port := range redistest.Ports(t, 2) {
		p.nodes = append(p.nodes, &process{args: []string{"serve", "--port", port, "--dir", t.TempDir(), "--id", fmt.Sprint("n", i+2), "--join", p.addr(0)}, port: port})
		p.start(i + 1)
	}
	clustertest.Eventually(t, "three voters", func() bool { return p.info(0, "raft_num_voters") == "3" && p.info(2, "raft_membership") == "member" })
	p.set("x", "999")
	for _, i := range []int{0, 2} { // the founder and a joiner
		p.end(i, syscall.SIGKILL)
		p.leader()
		dir := p.nodes[i].args[4]
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		p.nodes[i].args = append(p.without(i, "--id", "--join"), "--id", fmt.Sprint("n", i+1))
		p.start(i)
		if code := p.wait(i); code != 2 {
			t.Errorf("a second cluster is founded: exit %d", code)
		}
		log := p.nodes[i].log.String()
		if strings.Contains(log, "msg=leader") {
			t.Errorf("it led a cluster of its own for a moment:\n%s", log)
		}
		_, join, ok := strings.Cut(log[strings.LastIndex(log, "cairn:"):], "--join ")
		if !ok {
			t.Fatalf("it does not say how to come back:\n%s", log)
		}
		join, _, _ = strings.Cut(join, ",")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		p.nodes[i].args = append(p.nodes[i].args, "--join", join)
		p.start(i)
		clustertest.Eventually(t, "the member to be back", func() bool { return p.info(i, "raft_membership") == "member" })
		p.agreed("999", "GET", "x")
	}
	// One that was founded while nobody could call it yields once the older cluster calls, and stays away.
	lost := p.nodes[2]
	for i := range p.nodes {
		p.end(i, syscall.SIGKILL)
	}
	if err := os.RemoveAll(lost.args[4]); err != nil {
		t.Fatal(err)
	}
	lost.args = p.without(2, "--join")
	p.start(2)
	clustertest.Eventually(t, "a second cluster", func() bool { return p.ask(2, "SET", "lonely", "1") == "OK" })
	p.start(0)
	p.start(1)
	if code := p.wait(2); code != 2 {
		t.Errorf("the younger cluster goes on: exit %d", code)
	}
	p.start(2)
	if code := p.wait(2); code != 2 {
		t.Errorf("the younger cluster starts again: exit %d", code)
	}
	p.agreedBy([]int{0, 1}, "999", "GET", "x")
	lost.args = append(lost.args, "--new-cluster")
	p.start(2)
	p.agreedBy([]int{2}, "1", "GET", "lonely") // at the operator's word
}

// agreedBy is agreed for some of the nodes.
func (p *processes) agreedBy(nodes []int, want string, words ...string) {
	p.t.Helper()
	all := p.nodes
	defer func() { p.nodes = all }()
	p.nodes = nil
	for _, i := range nodes {
		p.nodes = append(p.nodes, all[i])
	}
	p.agreed(want, words...)
}

// TestAllMoved: nodes that have all moved find each other by --peers, also where they have changed places, and the
// cluster then knows where they are. Without --peers their logs say what is missing.
func TestAllMoved(t *testing.T) {
	p := startNodes(t, 3)
	p.set("k", "1")
	move := func(named bool, ports ...string) {
		t.Helper()
		var peers []string
		for i := range p.nodes {
			p.end(i, syscall.SIGKILL)
			peers = append(peers, fmt.Sprintf("n%d=127.0.0.1:%s", i+1, ports[i]))
		}
		for i := range p.nodes {
			p.nodes[i].args, p.nodes[i].port = p.at(i, ports[i]), ports[i]
			if named {
				p.nodes[i].args = append(p.without(i, "--advertise"), "--peers", strings.Join(peers, ","))
			}
			p.start(i)
		}
	}
	known := func() {
		t.Helper()
		p.leader()
		p.agreed("1", "GET", "k")
		for i := range p.nodes {
			clustertest.Eventually(t, "the addresses to be known", func() bool {
				for k := range p.nodes {
					if !strings.Contains(p.info(i, fmt.Sprint("raft_node", k)), fmt.Sprintf("addr=%s,", p.addr(p.number(i, k)))) {
						return false
					}
				}
				return true
			})
		}
	}
	ports := redistest.Ports(t, 3)
	move(false, ports...)
	clustertest.Eventually(t, "n1 to answer", func() bool { return p.info(0, "raft_state") != "" })
	if !stays(3*time.Second, func() bool { return p.info(0, "raft_state") != "leader" }) {
		t.Error("n1 leads alone")
	}
	p.says(0, "waiting for a majority", "start each node with --peers naming all members")
	p.end(0, syscall.SIGKILL)
	move(true, ports...)
	known()
	move(true, ports[1], ports[2], ports[0]) // as containers that were started in another order
	known()
	move(false, ports[2], ports[1], ports[0]) // n1 and n2 by their own word; n3 stays
	known()
	move(false, ports[1], ports[0], ports[2]) // all by their own word: each hears the others at its own address look for another
	known()
}

// TestMovedBesideTheLongestLog: a member that has moved by its own word is found by the one that alone may lead, for
// its log is longer and the third is down. The configuration cannot say where it is before that one leads.
func TestMovedBesideTheLongestLog(t *testing.T) {
	p := startNodes(t, 3)
	p.set("k", "1")
	var leader, moves, away int
	clustertest.Eventually(t, "a leader with an entry of its own", func() bool {
		leader = p.leader()
		moves, away = (leader+1)%3, (leader+2)%3
		client, err := redistest.Dial(p.addr(leader))
		if err != nil {
			return false
		}
		defer client.Close()
		p.end(moves, syscall.SIGKILL)
		p.end(away, syscall.SIGKILL)
		last := p.info(leader, "raft_last_log_index")
		// The log may have grown by an older entry that the others have: that a SET was proposed says its answer.
		r, err := client.Cmd("SET", "k", "2")
		if err == nil && strings.HasPrefix(string(r.Str), "INDOUBT") && p.info(leader, "raft_last_log_index") != last {
			return true
		}
		p.start(moves)
		p.start(away)
		return false
	})
	port := redistest.Ports(t, 1)[0]
	p.nodes[moves].args, p.nodes[moves].port = p.at(moves, port), port
	p.start(moves)
	clustertest.Eventually(t, "n"+fmt.Sprint(leader+1)+" to lead", func() bool { return p.info(leader, "raft_state") == "leader" && p.ask(leader, "GET", "k") == "2" })
	p.start(away)
	p.agreed("2", "GET", "k")
}

// TestTwoChangePlaces: the only two members, which have changed places, find each other by their own word alone:
// nobody else can tell them.
func TestTwoChangePlaces(t *testing.T) {
	p := startNodes(t, 3)
	p.set("k", "1")
	clustertest.Eventually(t, "two members", func() bool { return p.ask(p.leader(), "CLUSTER", "FORGET", "n3") == "OK" })
	for i := range p.nodes {
		p.end(i, syscall.SIGKILL)
	}
	p.nodes = p.nodes[:2]
	ports := []string{p.nodes[1].port, p.nodes[0].port}
	for i := range p.nodes {
		p.nodes[i].args, p.nodes[i].port = p.at(i, ports[i]), ports[i]
		p.start(i)
	}
	p.set("k", "2")
	p.agreed("2", "GET", "k")
}

// number returns which node the k-th member of INFO on node i is.
func (p *processes) number(i, k int) int {
	var n int
	_, _ = fmt.Sscanf(p.info(i, fmt.Sprint("raft_node", k)), "id=n%d,", &n) // it fails where the line is not there yet
	return max(n, 1) - 1
}

// TestTwoOfOneName: a copy of a member's directory that runs elsewhere while the member is alive is refused, and
// changes nothing.
func TestTwoOfOneName(t *testing.T) {
	p := startNodes(t, 3)
	p.set("k", "1")
	f := p.follower()
	p.end(f, syscall.SIGKILL)
	copied := t.TempDir()
	if err := os.CopyFS(copied+"/data", os.DirFS(p.nodes[f].args[4])); err != nil {
		t.Fatal(err)
	}
	p.start(f)
	clustertest.Eventually(t, "the member to be back", func() bool { return p.ask(f, "GET", "k") == "1" })
	port := redistest.Ports(t, 1)[0]
	p.nodes = append(p.nodes, &process{args: []string{"serve", "--dir", copied + "/data", "--port", port, "--advertise", "127.0.0.1:" + port}, port: port})
	p.start(3)
	clustertest.Eventually(t, "the copy to answer", func() bool { return p.info(3, "raft_state") != "" })
	if !stays(3*time.Second, func() bool { return p.info(3, "raft_leader_id") == "" && p.ask(3, "GET", "k") != "1" }) {
		t.Error("the copy is part of the cluster")
	}
	p.end(3, syscall.SIGKILL)
	if log := p.nodes[3].log.String(); !strings.Contains(log, "two processes have the same --id") {
		t.Errorf("the copy does not say why it is refused:\n%s", log)
	}
	p.nodes = p.nodes[:3]
	p.set("k", "2")
	p.agreed("2", "GET", "k")
}
