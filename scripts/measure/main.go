// Command measure takes what redis-benchmark does not from real processes: what a state on its way to a follower
// costs, how long a node takes to serve again, and how late an answer comes at worst.
//
//	go run ./scripts/measure catchup|growth|restart|snapshots|stalls [--help]
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"cairn/scripts/internal/procs"
)

// shared are the flags of all measurements.
type shared struct {
	Port  int    `help:"The first of the ports on 127.0.0.1." default:"21581"`
	Flags string `help:"More flags for cairn serve, as one word."`
}

// start starts so many nodes, with more flags, and returns which leads. The caller closes the cluster.
func (s shared) start(nodes int, flags ...string) (c *procs.Cluster, leader int, err error) {
	if c, err = procs.New(nodes, s.Port, append(strings.Fields(s.Flags), flags...)); err != nil {
		return nil, 0, err
	}
	if leader, err = c.Leader(); err != nil {
		c.Close()
	}
	return c, leader, err
}

func main() {
	var commands struct {
		Catchup   catchup   `cmd:"" help:"A follower of three comes back on an empty disk while clients write."`
		Growth    growth    `cmd:"" help:"A lone node with more and more keys, beside a redis-server that syncs always."`
		Restart   restart   `cmd:"" help:"A lone node with many keys is killed and started."`
		Snapshots snapshots `cmd:"" help:"What a snapshot every ten entries costs."`
		Stalls    stalls    `cmd:"" help:"Clients write for minutes; how long they waited, beside a redis-server that syncs always."`
	}
	k := kong.Parse(&commands, kong.Name("measure"))
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}
