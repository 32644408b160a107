package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cairn/cmd/internal/clustertest"
)

// callers are four who use one client at once and count with INCR, each on a key of its own. What the counters hold
// tells whether a library sent a call twice that its caller made once, and whether an acknowledged one is lost.
type callers struct {
	t        *testing.T
	repeated bool // the library sends again what it has no answer to

	mu struct {
		sync.Mutex
		value  [4]int64 // the last answer
		doubt  [4]int64 // calls whose fate is open, and that no answer has explained
		streak [4]int   // answers since anybody's last error
		last   string   // that error
	}
}

// heard notes what became of a call.
func (c *callers) heard(id int, value int64, err string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != "" {
		c.mu.last, c.mu.streak = err, [4]int{}
		for _, certain := range []string{"MOVED", "CLUSTERDOWN", "connection refused", "Error 111"} {
			if strings.Contains(err, certain) {
				return // not done
			}
		}
		c.mu.doubt[id]++
		return
	}
	c.explainLocked(id, value-1)
	c.mu.value[id] = value
	c.mu.streak[id]++
}

// explainLocked compares what a counter held with what its caller knows.
func (c *callers) explainLocked(id int, held int64) {
	extra := held - c.mu.value[id]
	if extra < 0 {
		c.t.Errorf("caller %d: the counter is %d after %d was acknowledged", id, held, c.mu.value[id])
	}
	if extra > c.mu.doubt[id] && !c.repeated {
		c.t.Errorf("caller %d: %d increments and %d calls in doubt since %d; the last error is %q", id, extra, c.mu.doubt[id], c.mu.value[id], c.mu.last)
	}
	c.mu.doubt[id] = max(0, c.mu.doubt[id]-extra)
}

// well waits until every caller has had twenty answers and nobody an error between them.
func (c *callers) well(after string) {
	c.t.Helper()
	begun := false
	clustertest.Eventually(c.t, "the callers to be well after "+after, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !begun {
			begun, c.mu.streak = true, [4]int{}
		}
		return min(c.mu.streak[0], c.mu.streak[1], c.mu.streak[2], c.mu.streak[3]) >= 20
	})
}

// throughFaults lets callers call while a leader hands over and another is killed and comes back; stop ends them.
func (c *callers) throughFaults(p *processes, key string, stop func()) {
	c.t.Helper()
	c.well("the start")
	tool(c.t, "redis-cli", "-p", p.nodes[p.follower()].port, "CLUSTER", "FAILOVER")
	c.well("a hand-over")
	killed := p.leader()
	p.end(killed, syscall.SIGKILL)
	c.well("kill -9 of the leader")
	p.start(killed)
	p.current(killed)
	c.well("its return")
	stop()
	port := p.nodes[p.leader()].port
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.mu.value {
		held, err := strconv.ParseInt(strings.TrimSpace(tool(c.t, "redis-cli", "-p", port, "GET", fmt.Sprint(key, id))), 10, 64)
		if err != nil {
			c.t.Error(err)
		}
		c.explainLocked(id, held)
	}
	c.t.Logf("%v acknowledged, the last error is %q", c.mu.value, c.mu.last)
}

// inDoubt is the hook of CLIENTS.md, which keeps a ClusterClient from sending again what it has no answer to.
type inDoubt struct{}

func (inDoubt) DialHook(next redis.DialHook) redis.DialHook { return next }

func (inDoubt) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		var answer redis.Error
		var op *net.OpError
		if err == nil || errors.As(err, &answer) || errors.As(err, &op) && op.Op == "dial" {
			return err
		}
		return fmt.Errorf("in doubt: %v", err)
	}
}

func (inDoubt) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// TestGoRedisCallers: go-redis with the settings of CLIENTS.md loses nothing, repeats nothing, and soon is well again.
func TestGoRedisCallers(t *testing.T) {
	for mode, connect := range map[string]func(addrs []string) redis.UniversalClient{
		"cluster": func(addrs []string) redis.UniversalClient {
			rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, ClusterStateReloadInterval: time.Second})
			rdb.OnNewNode(func(node *redis.Client) { node.AddHook(inDoubt{}) })
			return rdb
		},
		"sentinel": func(addrs []string) redis.UniversalClient {
			return redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "cairn", SentinelAddrs: addrs, MaxRetries: -1})
		},
	} {
		t.Run(mode, func(t *testing.T) {
			p := startNodes(t, 3)
			client := connect(p.addrs())
			defer client.Close()
			ctx, cancel := context.WithCancel(context.Background())
			c := &callers{t: t}
			var wg sync.WaitGroup
			for id := range c.mu.value {
				wg.Go(func() {
					for ctx.Err() == nil {
						value, err := client.Incr(context.Background(), fmt.Sprint("go:", id)).Result()
						if err != nil {
							c.heard(id, 0, err.Error())
							continue
						}
						c.heard(id, value, "")
					}
				})
			}
			defer wg.Wait()
			defer cancel()
			c.throughFaults(p, "go:", func() { cancel(); wg.Wait() })
		})
	}
}

// TestPythonCallers: redis-py loses nothing and soon is well again; its Sentinel repeats nothing.
func TestPythonCallers(t *testing.T) {
	for _, mode := range []string{"cluster", "sentinel"} {
		t.Run(mode, func(t *testing.T) {
			p := startNodes(t, 3)
			words := []string{"testdata/callers.py", mode}
			for _, n := range p.nodes {
				words = append(words, n.port)
			}
			py := exec.Command("/usr/bin/python3", words...) // Debian's, which has python3-redis; scripts/test.sh installs it
			errs := new(bytes.Buffer)
			py.Stderr = errs
			in, err := py.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := py.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := py.Start(); err != nil {
				t.Fatal(err)
			}
			c := &callers{t: t, repeated: mode == "cluster"}
			var wg sync.WaitGroup
			wg.Go(func() {
				for lines := bufio.NewScanner(out); lines.Scan(); {
					c.read(lines.Text())
				}
			})
			stop := sync.OnceFunc(func() {
				in.Close()
				wg.Wait()
				if err := py.Wait(); err != nil {
					t.Errorf("%v: %s", err, errs)
				}
			})
			defer stop()
			c.throughFaults(p, "py:"+mode+":", stop)
		})
	}
}

// read notes a line of callers.py.
func (c *callers) read(line string) {
	word, rest, _ := strings.Cut(line, " ")
	who, what, _ := strings.Cut(rest, " ")
	id, err := strconv.Atoi(who)
	if err != nil || id < 0 || id > 3 {
		c.t.Errorf("it prints %q", line)
		return
	}
	if word == "err" {
		c.heard(id, 0, what)
		return
	}
	value, err := strconv.ParseInt(what, 10, 64)
	if err != nil {
		c.t.Errorf("it prints %q", line)
	}
	c.heard(id, value, "")
}
