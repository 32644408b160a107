// Command clients runs real client libraries against three real nodes, through a hand-over and a kill -9 of the leader
// under load, and prints what each cost. scripts/clients.sh installs the libraries and runs it.
//
//	go run ./scripts/clients -packages DIR [-rounds 3] [-port 21500] [-only cluster,recommended] [client ...]
//
// Four callers of one client count with INCR, each on a key of its own, so that what a counter holds tells which calls
// were done twice and which acknowledged ones were lost.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"cairn/scripts/internal/procs"
)

// library is a client library: how its driver runs, and with what.
type library struct {
	name    string
	command []string // the driver; its files are in the folder of the packages
	runs    []string // mode and settings
}

var libraries = []library{
	{"ioredis", []string{"node", "ioredis.mjs", "ioredis"}, everything},
	{"iovalkey", []string{"node", "ioredis.mjs", "iovalkey"}, everything},
	{"node-redis", []string{"node", "noderedis.mjs"}, everything},
	{"glide", []string{"node", "glide.mjs"}, everything[:2]},
	{"go-redis", []string{"./godriver", "go-redis"}, everything},
	{"rueidis", []string{"./godriver", "rueidis"}, everything},
	// RedisCluster of 4.3.4 has no settings with which it survives a kill -9.
	{"redis-py", []string{"/usr/bin/python3", "redispy.py"}, []string{"cluster default", "sentinel default", "sentinel recommended"}},
}

var everything = []string{"cluster default", "cluster recommended", "sentinel default", "sentinel recommended"}

func main() {
	packages := flag.String("packages", "", "the folder with the drivers and their packages")
	rounds := flag.Int("rounds", 3, "how many hand-overs and kills each settings of a client get")
	port := flag.Int("port", 21500, "the nodes get the first three free ports of 127.0.0.1 from here on")
	only := flag.String("only", "", "words that must be in what runs: cluster, sentinel, default, recommended")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *packages, *rounds, *port, strings.FieldsFunc(*only, func(r rune) bool { return r == ',' }), flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, packages string, rounds, port int, only, names []string) error {
	for _, n := range names {
		if !slices.ContainsFunc(libraries, func(l library) bool { return l.name == n }) {
			return fmt.Errorf("no client %q", n)
		}
	}
	port, err := freePorts(port, 3)
	if err != nil {
		return err
	}
	c, err := procs.New(3, port, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	t := &trial{ctx: ctx, cluster: c, packages: packages, rounds: rounds}
	var rows []row
	for _, l := range libraries {
		if len(names) > 0 && !slices.Contains(names, l.name) {
			continue
		}
		for _, run := range l.runs {
			mode, settings, _ := strings.Cut(run, " ")
			if slices.ContainsFunc(only, func(w string) bool { return w != mode && w != settings }) {
				continue
			}
			if err := c.Settle(); err != nil {
				return err
			}
			if rows = append(rows, t.try(l, mode, settings)); ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return report(os.Stdout, rows)
}

// freePorts returns the first of n ports in a row on which nobody listens.
func freePorts(from, n int) (int, error) {
	for first := from; first < from+1000; first += n {
		free := true
		for p := first; free && p < first+n; p++ {
			ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
			if free = err == nil; free {
				ln.Close()
			}
		}
		if free {
			return first, nil
		}
	}
	return 0, errors.New("no free ports")
}

// trial runs drivers against the nodes.
type trial struct {
	ctx      context.Context // done when the program is told to end
	cluster  *procs.Cluster
	packages string
	rounds   int
	keys     int // prefixes given out
}

// try takes one client with one choice of settings through everything.
func (t *trial) try(l library, mode, settings string) (r row) {
	r = row{client: l.name, mode: mode, settings: settings}
	say := func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%s %s %s: %s\n", l.name, mode, settings, fmt.Sprintf(format, args...))
	}
	d, err := startDriver(t.packages, append(slices.Clone(l.command), mode, settings, strings.Join(t.cluster.Addrs(), ",")))
	if err != nil {
		r.broken = err
		return r
	}
	defer d.endProcess()
	for _, step := range []string{"connect", "basics"} {
		if _, err := d.ask(t.ctx, step); err != nil {
			say("%s: %v", step, err)
			r.broken = fmt.Errorf("%s: %w", step, err)
			return r
		}
	}
	r.plain, r.tagged = t.torn(d, "whole"), t.torn(d, "{whole}")
	say("MGETs torn: %s, with a hash tag %s", r.plain, r.tagged)
	for _, fault := range []string{"hand-over", "kill -9"} {
		for n := range t.rounds {
			c, err := t.round(d, fault)
			if err != nil {
				say("%s %d: %v", fault, n+1, err)
				r.broken = fmt.Errorf("%s: %w", fault, err)
				return r
			}
			say("%s %d: %s", fault, n+1, c)
			if fault == "hand-over" {
				r.handOvers = append(r.handOvers, c)
			} else {
				r.kills = append(r.kills, c)
			}
		}
	}
	return r
}

// torn is how many of 300 MGETs showed two MSETs at once, or why they could not be sent.
func (t *trial) torn(d *driver, keys string) string {
	answer, err := d.ask(t.ctx, "whole "+keys)
	if err != nil {
		return "refused: " + err.Error()
	}
	return answer
}

// round lets the callers count through one fault until all is well again, twenty seconds at most.
func (t *trial) round(d *driver, fault string) (cost, error) {
	if err := t.cluster.Settle(); err != nil {
		return cost{}, err
	}
	t.keys++
	key := fmt.Sprintf("n%d", t.keys)
	leader, err := t.cluster.Leader()
	if err != nil {
		return cost{}, err
	}
	if err := d.startLoad(key); err != nil {
		return cost{}, err
	}
	time.Sleep(time.Second)
	at := time.Now()
	if fault == "hand-over" {
		if err := handOver(t.cluster.Addrs()[(leader+1)%3]); err != nil {
			return cost{}, err
		}
		d.settle(t.ctx, at, 4*time.Second)
	} else {
		t.cluster.Kill(leader)
		d.settle(t.ctx, at, 4*time.Second)
		if err := t.cluster.Start(leader); err != nil {
			return cost{}, err
		}
		d.settle(t.ctx, time.Now(), 3*time.Second)
	}
	calls, err := d.rest(t.ctx)
	if err != nil {
		return cost{}, err
	}
	if err := t.cluster.Settle(); err != nil {
		return cost{}, err
	}
	final, err := t.counters(key)
	if err != nil {
		return cost{}, err
	}
	return judge(calls, final, at), nil
}

// handOver makes a follower the leader.
func handOver(follower string) error {
	c, err := procs.Dial(follower)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Do("CLUSTER", "FAILOVER")
	return err
}

// counters returns what the callers' counters hold.
func (t *trial) counters(key string) (final [callers]int64, err error) {
	leader, err := t.cluster.Leader()
	if err != nil {
		return final, err
	}
	c, err := procs.Dial(t.cluster.Addrs()[leader])
	if err != nil {
		return final, err
	}
	defer c.Close()
	for i := range final {
		text, err := c.Do("GET", fmt.Sprintf("%s:%d", key, i))
		if err != nil {
			return final, err
		}
		fmt.Sscan(text, &final[i]) // a counter that nobody reached stays at zero
	}
	return final, nil
}

// driverPath is where a driver's command finds its own files.
func driverPath(packages, word string) string {
	if strings.HasPrefix(word, "./") || strings.HasSuffix(word, ".mjs") || strings.HasSuffix(word, ".py") {
		return filepath.Join(packages, word)
	}
	return word
}
