// Package procs runs real nodes for the programs that measure them.
package procs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Cluster is processes with their data beside the tree: /tmp may be memory. Its calls are for one goroutine.
type Cluster struct {
	dir   string
	port  int
	flags []string
	procs []*exec.Cmd
}

// New builds the program and starts so many nodes on ports that follow each other. The caller calls Close.
func New(nodes, port int, flags []string) (*Cluster, error) {
	dir, err := os.MkdirTemp(".", ".measure.")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, port: port, flags: flags, procs: make([]*exec.Cmd, nodes)}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "cairn"), "./cmd/cairn")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		c.Close()
		return nil, fmt.Errorf("build: %w: %s", err, out)
	}
	for i := range nodes {
		if err := c.Start(i); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// Addrs returns where the nodes are.
func (c *Cluster) Addrs() (addrs []string) {
	for i := range c.procs {
		addrs = append(addrs, fmt.Sprintf("127.0.0.1:%d", c.port+i))
	}
	return addrs
}

// Start starts a node.
func (c *Cluster) Start(i int) error {
	var peers []string
	for n, addr := range c.Addrs() {
		peers = append(peers, fmt.Sprintf("n%d=%s", n+1, addr))
	}
	log, err := os.OpenFile(filepath.Join(c.dir, fmt.Sprintf("n%d.log", i+1)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"serve", "--id", fmt.Sprintf("n%d", i+1), "--peers", strings.Join(peers, ","), "--dir", c.Dir(i)}
	c.procs[i] = exec.Command(filepath.Join(c.dir, "cairn"), append(args, c.flags...)...)
	c.procs[i].Stderr = log
	return c.procs[i].Start()
}

// Dir returns where a node has its data.
func (c *Cluster) Dir(i int) string { return filepath.Join(c.dir, fmt.Sprintf("n%d", i+1)) }

// Pid returns a running node's process id.
func (c *Cluster) Pid(i int) int { return c.procs[i].Process.Pid }

// Kill kills a node; one that does not run is left alone.
func (c *Cluster) Kill(i int) {
	if p := c.procs[i]; p != nil {
		_ = p.Process.Signal(syscall.SIGKILL) // it may have ended
		_ = p.Wait()
		c.procs[i] = nil
	}
}

// Close kills the nodes and removes their data.
func (c *Cluster) Close() {
	for i := range c.procs {
		c.Kill(i)
	}
	os.RemoveAll(c.dir)
}

// Info returns the lines of INFO raft of node i.
func (c *Cluster) Info(i int) (map[string]string, error) {
	r, err := Dial(c.Addrs()[i])
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := r.Do("INFO", "raft")
	if err != nil {
		return nil, err
	}
	lines := map[string]string{}
	for line := range strings.SplitSeq(text, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			lines[name] = value
		}
	}
	return lines, nil
}

// Leader returns the node that leads.
func (c *Cluster) Leader() (int, error) {
	for range 100 { // an election may just be under way
		for i := range c.procs {
			if info, err := c.Info(i); err == nil && info["raft_ready"] == "1" {
				return i, nil
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return 0, errors.New("nobody leads for ten seconds")
}

// Term returns the term that the first node knows.
func (c *Cluster) Term() (string, error) {
	info, err := c.Info(0)
	return info["raft_term"], err
}

// Settle waits until all nodes follow one leader and are nearly where it is, and a moment longer.
func (c *Cluster) Settle() error {
	for range 600 {
		time.Sleep(100 * time.Millisecond)
		leaders, lagging := map[string]bool{}, false
		for i := range c.procs {
			info, err := c.Info(i)
			if err != nil || info["raft_leader_id"] == "" {
				lagging = true
				break
			}
			leaders[info["raft_leader_id"]] = true
			for n := range c.procs {
				lagging = lagging || strings.Contains(info[fmt.Sprintf("raft_node%d", n)], "disconnected")
			}
		}
		if len(leaders) == 1 && !lagging {
			time.Sleep(time.Second)
			return nil
		}
	}
	return errors.New("the nodes do not find together within a minute")
}
