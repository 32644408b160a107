package parity_test

import (
	"strings"
	"testing"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/redistest"
	"cairn/cmd/node"
	"cairn/fsm/reply"
)

// cairn returns a client of the leader of a cluster of so many nodes.
func cairn(t *testing.T, nodes int) (c *clustertest.Cluster, leader int, client *redistest.Client) {
	t.Helper()
	c = clustertest.New(t, clustertest.Options{Nodes: nodes, Tune: func(_ int, o *node.Options) { o.RequirePass = "" }})
	leader = c.Leader()
	return c, leader, c.Client(leader)
}

// redis returns a client of a real Redis; a cluster of its own, with every slot, when cluster is true.
func redis(t *testing.T, cluster bool) *redistest.Client {
	t.Helper()
	if !cluster {
		return dial(t, redistest.Start(t))
	}
	client := dial(t, redistest.Start(t, "--cluster-enabled", "yes"))
	ask(t, client, "CLUSTER ADDSLOTSRANGE 0 16383")
	clustertest.Eventually(t, "the Redis cluster to be ready", func() bool {
		return strings.Contains(string(ask(t, client, "CLUSTER INFO").Str), "cluster_state:ok")
	})
	return client
}

func dial(t *testing.T, addr string) *redistest.Client {
	t.Helper()
	client, err := redistest.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// ask sends a line of words.
func ask(t *testing.T, client *redistest.Client, line string) reply.Reply {
	t.Helper()
	r, err := client.Cmd(strings.Fields(line)...)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return r
}

// value returns the value behind a name in a map; Nil when there is none.
func value(m reply.Reply, name string) reply.Reply {
	for i := 0; i+1 < len(m.Elems); i += 2 {
		if string(m.Elems[i].Str) == name {
			return m.Elems[i+1]
		}
	}
	return reply.Nil()
}

// text returns the text behind a name in a map.
func text(m reply.Reply, name string) string { return string(value(m, name).Str) }
