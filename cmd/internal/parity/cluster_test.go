package parity_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cairn/cmd/internal/clustertest"
	"cairn/cmd/internal/redistest"
	"cairn/fsm/reply"
)

// redisPair returns a client of a master with every slot that has one replica.
func redisPair(t *testing.T) *redistest.Client {
	t.Helper()
	master := redis(t, true)
	addr := redistest.Start(t, "--cluster-enabled", "yes")
	ask(t, master, "CONFIG SET repl-ping-replica-period 1") // until it is pinged a replica is not shown
	replica := dial(t, addr)
	port := addr[strings.LastIndexByte(addr, ':')+1:]
	ask(t, master, "CLUSTER MEET 127.0.0.1 "+port)
	id := string(ask(t, master, "CLUSTER MYID").Str)
	clustertest.Eventually(t, "the replica to take its place", func() bool {
		return ask(t, replica, "CLUSTER REPLICATE "+id).Kind == reply.Status
	})
	clustertest.Eventually(t, "the replica to be shown", func() bool {
		return len(ask(t, master, "CLUSTER SLOTS").Elems[0].Elems) == 4
	})
	return master
}

// TestClusterShapes compares the shapes of what CLUSTER answers about nodes: those of a real master with one replica
// and of Cairn's leader with two followers. They agree at last: on a busy machine a node may miss another for a
// moment.
func TestClusterShapes(t *testing.T) {
	_, _, ours := cairn(t, 3)
	theirs := redisPair(t)
	for _, proto := range []string{"2", "3"} {
		ask(t, ours, "HELLO "+proto)
		ask(t, theirs, "HELLO "+proto)
		for _, line := range []string{
			"CLUSTER SLOTS", "CLUSTER SHARDS", "CLUSTER NODES", "CLUSTER INFO", "CLUSTER LINKS", "CLUSTER MYID", "CLUSTER REPLICAS <id>",
			"CLUSTER SLAVES <id>", "CLUSTER COUNT-FAILURE-REPORTS <id>", "CLUSTER KEYSLOT k", "CLUSTER COUNTKEYSINSLOT 1",
		} {
			t.Run(line+"/resp="+proto, func(t *testing.T) {
				var a, b string
				defer func() {
					if a != b {
						t.Logf("Cairn answers\n%s\nRedis\n%s", a, b)
					}
				}()
				clustertest.Eventually(t, "equal shapes", func() bool {
					a, b = shape(askAbout(t, ours, line)), shape(askAbout(t, theirs, line))
					return a == b
				})
			})
		}
	}
}

// askAbout is ask with the node's own id in the place of <id>.
func askAbout(t *testing.T, client *redistest.Client, line string) reply.Reply {
	t.Helper()
	return ask(t, client, strings.ReplaceAll(line, "<id>", string(ask(t, client, "CLUSTER MYID").Str)))
}

// shape writes what does not depend on the nodes: kinds, names of map fields, and text without its numbers.
// Neighbours of one shape are written once.
func shape(r reply.Reply) string {
	s := fmt.Sprint(r.Kind)
	switch r.Kind {
	case reply.Bulk, reply.Verbatim:
		return s + shapeOfText(string(r.Str))
	case reply.Error:
		return string(r.Str)
	}
	var elems []string
	for i, e := range r.Elems {
		if r.Kind == reply.Map && i%2 == 0 {
			elems = append(elems, string(e.Str))
		} else if one := shape(e); r.Kind == reply.Map || len(elems) == 0 || elems[len(elems)-1] != one {
			elems = append(elems, one)
		}
	}
	return s + "[" + strings.Join(elems, " ") + "]"
}

var (
	nodeID     = regexp.MustCompile(`\b[0-9a-f]{40}\b`)
	nodeAddr   = regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+(:\d+@\d+)?`)
	number     = regexp.MustCompile(`\b\d+\b`)
	perMessage = regexp.MustCompile(`cluster_stats_messages_[a-z]+_(sent|received):\d+\r\n`)
)

// shapeOfText puts words in the place of ids, addresses and numbers. Lines, of which nodes have no order, are sorted,
// and equal ones written once. Redis counts its messages by kinds of its own, and "to" and "from" links in turns.
func shapeOfText(s string) string {
	s = perMessage.ReplaceAllString(s, "")
	s = nodeID.ReplaceAllString(s, "ID")
	s = nodeAddr.ReplaceAllString(s, "ADDR$1")
	s = number.ReplaceAllString(s, "N")
	if s == "from" {
		s = "to"
	}
	if strings.HasPrefix(s, "cluster_state") {
		return fmt.Sprintf("%q", s)
	}
	lines := strings.SplitAfter(s, "\n")
	slices.Sort(lines)
	return fmt.Sprintf("%q", slices.Compact(lines))
}
