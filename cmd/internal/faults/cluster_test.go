//go:build linux

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cairn/cmd/internal/redistest"
	"cairn/fsm/reply"
)

// cluster is nodes that know each other.
type cluster struct {
	t     *testing.T
	nodes []*process
	lan   *lan // their network; nil when they share the machine's
}

// startCluster starts n nodes on the machine's own network.
func startCluster(t *testing.T, n int, flags ...string) *cluster {
	t.Helper()
	c := newCluster(t, n)
	c.begin(flags)
	return c
}

// newCluster returns n nodes to begin on the machine's own network.
func newCluster(t *testing.T, n int) *cluster {
	t.Helper()
	c := &cluster{t: t}
	for _, port := range redistest.Ports(t, n) {
		c.nodes = append(c.nodes, &process{t: t, addr: "127.0.0.1:" + port})
	}
	return c
}

// begin starts the nodes, as a cluster of all of them.
func (c *cluster) begin(flags []string) {
	c.t.Helper()
	var peers []string
	for i, p := range c.nodes {
		peers = append(peers, fmt.Sprintf("%s=%s", id(i), p.addr))
	}
	c.prepare(append([]string{"--peers", strings.Join(peers, ",")}, flags...)...)
	for _, p := range c.nodes {
		p.start()
	}
	c.leader()
}

// prepare gives the nodes their directories and flags; none runs yet.
func (c *cluster) prepare(flags ...string) {
	c.t.Helper()
	base := c.t.TempDir()
	for i, p := range c.nodes {
		if p.dir == "" {
			p.dir = filepath.Join(base, id(i))
		}
		host, port, _ := strings.Cut(p.addr, ":")
		p.args = []string{"--id", id(i), "--bind", host, "--port", port}
		if p.space != "" { // the others, and the test, are other machines
			p.args = append(p.args, "--protected-mode", "no")
		}
		p.args = append(p.args, flags...)
		log, err := os.Create(filepath.Join(base, id(i)+".log"))
		if err != nil {
			c.t.Fatal(err)
		}
		p.log = log
	}
	c.t.Cleanup(c.end)
}

// id is the name of node i.
func id(i int) string { return fmt.Sprintf("n%d", i+1) }

// end kills the nodes. When the test has failed they say first where each of their goroutines is, and their logs are
// kept.
func (c *cluster) end() {
	with := syscall.SIGKILL
	if c.t.Failed() {
		with = syscall.SIGQUIT
	}
	for i, p := range c.nodes {
		p.signal(syscall.SIGCONT)
		p.end(with)
		if c.t.Failed() {
			kept := fmt.Sprintf("/tmp/cairn-node-%d-%d.log", time.Now().Unix(), i+1)
			said := p.said()
			c.t.Logf("node n%d at %s, all that it said is in %s, last:\n%s", i+1, p.addr, kept, tail(said))
			if err := os.WriteFile(kept, []byte(said), 0o600); err != nil {
				c.t.Error(err)
			}
		}
		p.log.Close()
	}
}

// tail returns the last lines before a dump of goroutines.
func tail(said string) string {
	said, _, _ = strings.Cut(said, "\nSIGQUIT: quit")
	return said[max(0, len(said)-4000):]
}

func (c *cluster) addrs() []string {
	var addrs []string
	for _, p := range c.nodes {
		addrs = append(addrs, p.addr)
	}
	return addrs
}

// leader waits until a node serves as leader and returns which.
func (c *cluster) leader() int {
	c.t.Helper()
	leader := -1
	until(c.t, "a leader", time.Minute, func() bool {
		leader = c.leading()
		return leader >= 0
	})
	return leader
}

// leading returns the node that serves writes now, or -1.
func (c *cluster) leading() int {
	for i, p := range c.nodes {
		if p.info("raft_state") == "leader" && p.writes("leader:"+fmt.Sprint(i), "x") == nil {
			return i
		}
	}
	return -1
}

// writes sets a key on this node and returns what is wrong with that.
func (p *process) writes(key, value string) error {
	cl, err := p.dial(opLimit)
	if err != nil {
		return err
	}
	defer cl.Close()
	r, err := cl.Cmd("SET", key, value)
	if err == nil && r.Kind == reply.Error {
		err = fmt.Errorf("%s", r.Str)
	}
	return err
}

// get returns a key's value on this node as histories have it.
func (p *process) get(key string) (string, error) {
	got, err := p.mget([]string{key})
	if err != nil {
		return "", err
	}
	return string(got[0].Str), nil
}

// read returns what this node answers to a command.
func (p *process) read(words ...string) (reply.Reply, error) {
	cl, err := p.dial(opLimit)
	if err != nil {
		return reply.Reply{}, err
	}
	defer cl.Close()
	r, err := cl.Cmd(words...)
	if err == nil && r.Kind == reply.Error {
		err = fmt.Errorf("%s", r.Str)
	}
	return r, err
}

// mget returns the values of keys on this node.
func (p *process) mget(keys []string) ([]reply.Reply, error) {
	r, err := p.read(append([]string{"MGET"}, keys...)...)
	return r.Elems, err
}

// started returns the nodes that are to run: one that has ended by itself is among them.
func (c *cluster) started() (nodes []int) {
	for i, p := range c.nodes {
		if p.cmd != nil {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// followers returns the nodes that are to run and are not the leader.
func (c *cluster) followers(leader int) []int {
	return slices.DeleteFunc(c.started(), func(i int) bool { return i == leader })
}
