package main

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

// nodes is how many there are.
const nodes = 3

// cluster is three processes with their data beside the tree: /tmp may be memory.
type cluster struct {
	dir   string
	port  int
	flags []string
	procs [nodes]*exec.Cmd
}

func newCluster(port int, flags []string) (*cluster, error) {
	dir, err := os.MkdirTemp(".", ".failover.")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, port: port, flags: flags}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "cairn"), "./cmd/cairn")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		c.close()
		return nil, fmt.Errorf("build: %w: %s", err, out)
	}
	for i := range nodes {
		if err := c.start(i); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *cluster) addrs() (addrs []string) {
	for i := range nodes {
		addrs = append(addrs, fmt.Sprintf("127.0.0.1:%d", c.port+i))
	}
	return addrs
}

func (c *cluster) start(i int) error {
	var peers []string
	for n, addr := range c.addrs() {
		peers = append(peers, fmt.Sprintf("n%d=%s", n+1, addr))
	}
	log, err := os.OpenFile(filepath.Join(c.dir, fmt.Sprintf("n%d.log", i+1)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"serve", "--id", fmt.Sprintf("n%d", i+1), "--peers", strings.Join(peers, ","), "--dir", filepath.Join(c.dir, fmt.Sprintf("n%d", i+1))}
	c.procs[i] = exec.Command(filepath.Join(c.dir, "cairn"), append(args, c.flags...)...)
	c.procs[i].Stderr = log
	return c.procs[i].Start()
}

func (c *cluster) kill(i int) {
	if p := c.procs[i]; p != nil {
		_ = p.Process.Signal(syscall.SIGKILL) // it may have ended
		_ = p.Wait()
		c.procs[i] = nil
	}
}

func (c *cluster) close() {
	for i := range nodes {
		c.kill(i)
	}
	os.RemoveAll(c.dir)
}

// info returns the lines of INFO raft of node i.
func (c *cluster) info(i int) (map[string]string, error) {
	r, err := dial(c.addrs()[i])
	if err != nil {
		return nil, err
	}
	defer r.conn.Close()
	text, err := r.do("INFO", "raft")
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

// leader returns the node that leads.
func (c *cluster) leader() (int, error) {
	for range 100 { // an election may just be under way
		for i := range nodes {
			if info, err := c.info(i); err == nil && info["raft_ready"] == "1" {
				return i, nil
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return 0, errors.New("nobody leads for ten seconds")
}

func (c *cluster) term() (string, error) {
	info, err := c.info(0)
	return info["raft_term"], err
}

// settle waits until all nodes follow one leader and are nearly where it is, and a moment longer.
func (c *cluster) settle() error {
	for range 600 {
		time.Sleep(100 * time.Millisecond)
		leaders, lagging := map[string]bool{}, false
		for i := range nodes {
			info, err := c.info(i)
			if err != nil || info["raft_leader_id"] == "" {
				lagging = true
				break
			}
			leaders[info["raft_leader_id"]] = true
			for n := range nodes {
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
