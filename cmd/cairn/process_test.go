package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/redistest"
)

// binary is the program under test, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cairn-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "cairn")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// program returns a command that runs cairn.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(path, args...)
}

// cairn runs cairn to its end.
func cairn(t *testing.T, args ...string) (out, errOut string, code int) {
	t.Helper()
	cmd := program(t, args...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	_ = cmd.Run() // the exit code is looked at
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// tool runs one of Redis's programs to its end and returns what it printed.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s (scripts/test.sh installs redis-tools)", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// tryTool is tool for what may fail; it returns the first line, without an end.
func tryTool(name string, args ...string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// process is one running node.
type process struct {
	args []string
	port string
	cmd  *exec.Cmd
	log  *output
}

// output is what a process has printed so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// processes are real nodes on ports of their own.
type processes struct {
	t     *testing.T
	nodes []*process
}

// steady is for nodes whose leader is to stay: a busy machine misses heartbeats that are shorter.
const steady = "--heartbeat=2s"

// startNodes starts a cluster of n nodes in temporary directories, and waits until all of them serve.
func startNodes(t *testing.T, n int, flags ...string) *processes {
	t.Helper()
	p := &processes{t: t}
	ports := redistest.Ports(t, n)
	var peers []string
	for i, port := range ports {
		peers = append(peers, fmt.Sprintf("n%d=127.0.0.1:%s", i+1, port))
	}
	for i, port := range ports {
		args := []string{"serve", "--port", port, "--dir", t.TempDir()}
		if n > 1 {
			args = append(args, "--id", fmt.Sprintf("n%d", i+1), "--peers", strings.Join(peers, ","))
		}
		p.nodes = append(p.nodes, &process{args: append(args, flags...), port: port})
	}
	t.Cleanup(func() {
		for i := range p.nodes {
			p.end(i, syscall.SIGKILL)
		}
	})
	for i := range p.nodes {
		p.start(i)
	}
	p.leader()
	for i := range p.nodes {
		p.current(i)
	}
	return p
}

func (p *processes) start(i int) {
	p.t.Helper()
	n := p.nodes[i]
	n.cmd, n.log = program(p.t, n.args...), new(output)
	n.cmd.Stderr = n.log
	if err := n.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

// end sends a signal and waits for the end; it returns the exit code.
func (p *processes) end(i int, with syscall.Signal) int {
	n := p.nodes[i]
	if n.cmd == nil {
		return 0
	}
	_ = n.cmd.Process.Signal(with) // it may have ended already
	_ = n.cmd.Wait()
	code := n.cmd.ProcessState.ExitCode()
	n.cmd = nil
	if p.t.Failed() {
		p.t.Logf("node %d:\n%s", i+1, n.log)
	}
	return code
}

func (p *processes) addr(i int) string { return "127.0.0.1:" + p.nodes[i].port }

func (p *processes) addrs() []string {
	var addrs []string
	for i := range p.nodes {
		addrs = append(addrs, p.addr(i))
	}
	return addrs
}

// info returns one line of INFO of node i, "" when it does not answer.
func (p *processes) info(i int, name string) string {
	if p.nodes[i].cmd == nil {
		return ""
	}
	client, err := redistest.Dial(p.addr(i))
	if err != nil {
		return ""
	}
	defer client.Close()
	r, err := client.Cmd("INFO", "raft")
	if err != nil {
		return ""
	}
	for line := range strings.SplitSeq(string(r.Str), "\r\n") {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return value
		}
	}
	return ""
}

// leader waits until a node serves as leader and returns which.
func (p *processes) leader() int {
	p.t.Helper()
	leader := -1
	clustertest.Eventually(p.t, "a leader", func() bool {
		for i := range p.nodes {
			if p.info(i, "raft_state") != "leader" {
				continue
			}
			client, err := redistest.Dial(p.addr(i))
			if err != nil {
				continue
			}
			r, err := client.Cmd("EXISTS", "leader")
			client.Close()
			if err == nil && r.Int == 0 && len(r.Str) == 0 {
				leader = i
				return true
			}
		}
		return false
	})
	return leader
}

// follower returns a running node that does not lead.
func (p *processes) follower() int {
	leader := p.leader()
	for i := range p.nodes {
		if i != leader && p.nodes[i].cmd != nil {
			return i
		}
	}
	p.t.Fatal("no follower runs")
	return 0
}
