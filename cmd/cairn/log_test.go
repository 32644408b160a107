package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/redistest"
)

// plainEnvironment takes away the variables of the tests, of which a node would warn.
func plainEnvironment(t *testing.T) {
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "CAIRN_") {
			t.Setenv(name, value) // brings it back
			os.Unsetenv(name)
		}
	}
}

// says waits until node i has logged all of the words in one line.
func (p *processes) says(i int, words ...string) {
	p.t.Helper()
	log := p.nodes[i].log
	clustertest.Eventually(p.t, fmt.Sprintf("node %d to log %q", i+1, words), func() bool { return len(linesWith(log.String(), words...)) > 0 })
}

// linesWith returns the lines of a log that have all of the words in them.
func linesWith(log string, words ...string) (found []string) {
	for line := range strings.Lines(log) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			found = append(found, line)
		}
	}
	return found
}

// quiet fails the test if a line of a log is above a level.
func quiet(t *testing.T, log string, levels ...string) {
	t.Helper()
	for _, level := range levels {
		if loud := linesWith(log, "level="+level); len(loud) > 0 {
			t.Errorf("%d lines of %s:\n%s", len(loud), level, strings.Join(loud, ""))
		}
	}
}

// inOrder fails the test unless a log has the words, one behind the other.
func inOrder(t *testing.T, log string, words ...string) {
	t.Helper()
	rest := log
	for _, w := range words {
		_, behind, ok := strings.Cut(rest, w)
		if !ok {
			t.Errorf("the log has no %q behind what comes before it in %q:\n%s", w, words, log)
			return
		}
		rest = behind
	}
}

// TestQuietLog: one node is joined by two, a follower and the leader are stopped and started again, and at last all
// are stopped. No line is above INFO; each node says first which it is and what to do, who leads, and, once it
// serves, that it does.
func TestQuietLog(t *testing.T) {
	plainEnvironment(t)
	const calm = "--heartbeat=1s" // a busy machine misses shorter ones
	p := startNodes(t, 1, calm)
	stop := func(i int) string {
		t.Helper()
		if code := p.end(i, syscall.SIGTERM); code != 0 {
			t.Errorf("exit code %d", code)
		}
		log := p.nodes[i].log.String()
		quiet(t, log, "WARN", "ERROR")
		inOrder(t, log, `msg=starting version=`, fmt.Sprintf("id=n%d addr=%s ", i+1, p.addr(i)), "next=", "msg=leader peer=n", "msg=serving ", "msg=stopping", "msg=stopped")
		return log
	}
	for n := 1; n < 3; n++ {
		p.join(n-1, calm)
		p.says(n, "msg=serving")
		p.says(n, "this node has its vote")
	}
	p.says(0, "msg=serving")
	for _, i := range []int{1, 0} { // n1 leads
		log := stop(i)
		if i == 1 {
			inOrder(t, log, "catches up", "msg=leader", "caught up", "msg=serving", "this node has its vote")
		}
		p.start(i)
		p.says(i, "msg=serving")
		p.says(i, "msg=leader")
	}
	follower := p.follower()
	if _, errOut, code := cairn(t, "leave", "--addr", p.addr(follower)); code != 0 {
		t.Errorf("leave: exit %d, %s", code, errOut)
	}
	p.says(follower, "level=INFO", "this node has left its cluster", "stop it")
	for i := range p.nodes {
		stop(i)
	}
}

// TestRestartLog: to its peers a node that is killed and back in some seconds is a warning at most; they say that it
// is away, why, and that it is back. Nothing that is printed, at whatever level, is the inside of a struct.
func TestRestartLog(t *testing.T) {
	plainEnvironment(t)
	p := startNodes(t, 3, "--loglevel", "debug")
	leader := p.leader()
	for _, i := range []int{p.follower(), leader} {
		other := 3 - i - leader // for the leader, whichever
		if i == leader {
			other = (leader + 1) % 3
		}
		p.end(i, syscall.SIGKILL)
		quiet(t, p.nodes[i].log.String(), "ERROR")
		p.says(other, "a member does not answer", fmt.Sprintf("peer=n%d addr=%s ", i+1, p.addr(i)), "connection refused")
		p.start(i)
		p.says(other, "a member answers again", fmt.Sprintf("peer=n%d ", i+1))
		p.says(i, "msg=leader")
		p.says(i, "msg=serving")
	}
	for i := range p.nodes {
		p.end(i, syscall.SIGTERM)
		log := p.nodes[i].log.String()
		quiet(t, log, "ERROR")
		for _, line := range linesWith(log, "msg=\"raft: ") {
			if strings.Contains(line, "{") {
				t.Errorf("the inside of a struct: %s", line)
			}
		}
	}
}

// TestAloneLog: one node of three says what it waits for, who is not there and why, and no error. It serves when a
// second one has come, and says so then.
func TestAloneLog(t *testing.T) {
	plainEnvironment(t)
	p := &processes{t: t}
	var peers []string
	for i, port := range redistest.Ports(t, 3) {
		peers = append(peers, fmt.Sprintf("n%d=127.0.0.1:%s", i+1, port))
		p.nodes = append(p.nodes, &process{port: port, args: []string{"serve", "--dir", t.TempDir(), "--requirepass", "right", "--id", fmt.Sprint("n", i+1), "--peers"}})
	}
	for _, n := range p.nodes {
		n.args = append(n.args, strings.Join(peers, ","))
	}
	t.Cleanup(func() {
		for i := range p.nodes {
			p.end(i, syscall.SIGKILL)
		}
	})
	p.start(0)
	waits := func(why ...string) {
		t.Helper()
		p.says(0, append([]string{`msg="waiting for a majority" reached=1 needed=2 `, "n3/" + p.addr(2) + ": connection refused"}, why...)...)
	}
	p.says(0, "msg=starting", "start the others: n2 at "+p.addr(1)+", n3 at "+p.addr(2))
	waits("level=INFO", "n2/"+p.addr(1)+": connection refused", "start them")
	waits("level=WARN")

	secret := slices.Index(p.nodes[1].args, "right")
	p.nodes[1].args[secret] = "wrong"
	p.start(1)
	waits("n2/" + p.addr(1) + ": refused: the cluster secret is not the same on both nodes")
	p.end(1, syscall.SIGTERM)
	p.nodes[1].args[secret] = "right"
	if log := p.nodes[0].log.String(); strings.Contains(log, "msg=serving") || strings.Contains(log, "msg=leader") {
		t.Errorf("it says that it serves:\n%s", log)
	}
	p.start(1)
	for i := range 2 {
		p.says(i, "msg=leader")
		p.says(i, "msg=serving")
	}
	quiet(t, p.nodes[0].log.String(), "ERROR")
}

// TestHangUp: SIGHUP ends no node.
func TestHangUp(t *testing.T) {
	p := startNodes(t, 1)
	if err := p.nodes[0].cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.says(0, "SIGHUP is ignored")
	if got := p.ask(0, "SET", "k", "v"); got != "OK" {
		t.Errorf("after SIGHUP a SET is answered %q", got)
	}
}

// TestAnyPort: --port 0 takes a free port, and the first line says which.
func TestAnyPort(t *testing.T) {
	p := &processes{t: t, nodes: []*process{{args: []string{"serve", "--port", "0", "--dir", t.TempDir()}}}}
	t.Cleanup(func() { p.end(0, syscall.SIGKILL) })
	p.start(0)
	p.says(0, "msg=serving")
	_, addr, _ := strings.Cut(linesWith(p.nodes[0].log.String(), "msg=starting")[0], "addr=127.0.0.1:")
	p.nodes[0].port, _, _ = strings.Cut(addr, " ")
	if got := p.ask(0, "CONFIG", "GET", "port"); !strings.Contains(got, p.nodes[0].port) {
		t.Errorf("at port %s CONFIG GET port answers %q", p.nodes[0].port, got)
	}
}

// TestStrangeVariable: a variable that looks like a flag's, and is none's, is named; its value is not.
func TestStrangeVariable(t *testing.T) {
	plainEnvironment(t)
	t.Setenv("CAIRN_REQUIREPAS", "hidden")
	p := startNodes(t, 1)
	p.says(0, "level=WARN", strangeVariable, "name=CAIRN_REQUIREPAS")
	p.end(0, syscall.SIGKILL)
	_, errOut, _ := cairn(t, "dump", t.TempDir())
	for _, said := range []string{p.nodes[0].log.String(), errOut} {
		if strings.Count(said, "CAIRN_") != 1 || strings.Contains(said, "hidden") {
			t.Errorf("it says %q", said)
		}
	}
}

// TestForeignFolder: a folder of somebody else's files is no data directory, and stays as it is. What file systems
// put there themselves does no harm.
func TestForeignFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"dump.rdb", "b", "a", "notes.txt", "z", "lost+found", ".snapshot"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := listing(t, dir)
	_, errOut, code := cairn(t, "serve", "--port", "0", "--dir", dir)
	if code != 2 || !strings.Contains(errOut, dir+" is not a node's: it holds a, b, dump.rdb, notes.txt and 1 more; give --dir") {
		t.Errorf("exit %d, %q", code, errOut)
	}
	if listing(t, dir) != before {
		t.Error("the folder has changed")
	}
	for _, name := range []string{"dump.rdb", "b", "a", "notes.txt", "z"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	p := &processes{t: t, nodes: []*process{{args: []string{"serve", "--port", "0", "--dir", dir}}}}
	t.Cleanup(func() { p.end(0, syscall.SIGKILL) })
	p.start(0)
	p.says(0, "msg=serving")
}
