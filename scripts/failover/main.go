// Command failover kills the leader of a cluster of three real processes under load, again and again, and prints how
// long its clients could not write.
//
//	go run ./scripts/failover [-kills 30] [-calm 20s] [-clients 8] [-flags "--heartbeat 300ms"]
//
// Each client writes one key after the other at the node that it takes for the leader; on an error it tries the next
// node, and it follows redirects. An outage is the time from kill -9 to a client's next acknowledged write: the
// program prints the distribution of the first client's and of the last one's. At the end the cluster is left alone
// under the same load, and an election in that time is an error.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"cairn/scripts/internal/procs"
)

func main() {
	kills := flag.Int("kills", 30, "how often the leader is killed")
	calm := flag.Duration("calm", 20*time.Second, "how long the cluster is left alone under load at the end")
	clients := flag.Int("clients", 8, "how many clients write")
	port := flag.Int("port", 21381, "the first of three ports on 127.0.0.1")
	flags := flag.String("flags", "", "more flags for cairn serve")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: go run ./scripts/failover [flags]\nKills the leader of three nodes again and again; how long clients wait.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "failover: unknown word %q\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*kills, *calm, *clients, *port, strings.Fields(*flags)); err != nil {
		fmt.Fprintln(os.Stderr, "failover:", err)
		os.Exit(1)
	}
}

func run(kills int, calm time.Duration, clients, port int, flags []string) error {
	c, err := procs.New(3, port, flags)
	if err != nil {
		return err
	}
	defer c.Close()
	l := startLoad(c.Addrs(), clients)
	defer l.end()
	if err := l.all(time.Now(), time.Minute); err != nil {
		return fmt.Errorf("the cluster does not begin to serve: %w", err)
	}
	var first, last []time.Duration
	for n := range kills {
		if err := c.Settle(); err != nil {
			return err
		}
		leader, err := c.Leader()
		if err != nil {
			return err
		}
		killed := time.Now()
		c.Kill(leader)
		if err := l.all(time.Now(), time.Minute); err != nil {
			return fmt.Errorf("kill %d: %w", n+1, err)
		}
		f, w := l.outages(killed)
		first, last = append(first, f), append(last, w)
		fmt.Printf("\rkill %2d: %v to %v   ", n+1, f.Round(time.Millisecond), w.Round(time.Millisecond))
		if err := c.Start(leader); err != nil {
			return err
		}
	}
	fmt.Printf("\r%d kills of the leader under %d clients, %d cores %s, %s\n", kills, clients, runtime.NumCPU(), load(), strings.Join(flags, " "))
	show("first client", first)
	show("last client", last)
	return quiet(c, l, calm)
}

// show prints a distribution.
func show(what string, d []time.Duration) {
	if len(d) == 0 {
		return
	}
	slices.Sort(d)
	at := func(share int) time.Duration { return d[(len(d)-1)*share/100].Round(time.Millisecond) }
	fmt.Printf("outage of the %-13s least %v, median %v, nine in ten %v, worst %v\n", what+":", at(0), at(50), at(90), at(100))
}

// quiet leaves the cluster alone and looks for elections.
func quiet(c *procs.Cluster, l *clients, d time.Duration) error {
	if err := c.Settle(); err != nil {
		return err
	}
	before, err := c.Term()
	if err != nil {
		return err
	}
	writes := l.acked()
	time.Sleep(d)
	after, err := c.Term()
	if err != nil {
		return err
	}
	fmt.Printf("left alone for %v under load: %d writes, term %s before and %s after\n", d, l.acked()-writes, before, after)
	if before != after {
		return errors.New("there was an election without a reason")
	}
	return nil
}

// load is what else the machine is doing.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return "(load " + strings.Join(strings.Fields(string(b))[:1], " ") + ")"
}
