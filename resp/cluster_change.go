package resp

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// Why some subcommands of CLUSTER mean nothing here.
const (
	whySlots = "all slots belong to the leader, whichever node leads; there is nothing to assign"
	whyReset = "a node that CLUSTER FORGET has taken out of the cluster is stopped, and starts afresh in an empty directory"
	whyEpoch = "the epoch is Raft's term; only an election raises it"
)

// refusal makes the handler of a subcommand of CLUSTER that is understood and refused: "FLUSHSLOTS is not possible".
func refusal(what, why string) handler {
	return func(*conn, [][]byte) reply.Reply { return reply.Errorf("ERR CLUSTER %s: %s", what, why).Reply() }
}

// runClusterSaveConfig has nothing to do: the configuration is an entry of the log, and that is on disk.
func runClusterSaveConfig(*conn, [][]byte) reply.Reply { return reply.OK() }

// runClusterMeet invites a node that waits for a cluster; on such a node it joins the other's cluster. One port carries
// clients and links, so that a bus port is checked and forgotten.
func runClusterMeet(c *conn, argv [][]byte) reply.Reply {
	if len(argv) > 5 {
		return wrongSubcommand("CLUSTER", argv[1])
	}
	port, err := strconv.ParseInt(string(argv[3]), 10, 64)
	if err != nil {
		return reply.Errorf("ERR Invalid TCP base port specified: %.128s", argv[3]).Reply()
	}
	if len(argv) == 5 {
		if _, err := strconv.ParseInt(string(argv[4]), 10, 64); err != nil {
			return reply.Errorf("ERR Invalid TCP bus port specified: %.128s", argv[4]).Reply()
		}
	}
	if host := string(argv[2]); host == "" || strings.ContainsAny(host, " \r\n\t=,") || port < 1 || port > 65535 {
		return reply.Errorf("ERR Invalid node address specified: %.128s:%.128s", argv[2], argv[3]).Reply()
	}
	return c.changeCluster(replica.Change{Kind: replica.Meet, Addr: net.JoinHostPort(string(argv[2]), string(argv[3]))})
}

func runClusterForget(c *conn, argv [][]byte) reply.Reply {
	force := optionAt(argv, 3) == "force"
	if len(argv) > 4 || len(argv) == 4 && !force {
		return reply.ErrSyntax.Reply()
	}
	id := string(argv[2])
	if optionAt(argv, 2) == "myself" {
		id = c.srv.o.Backend.Status().ID
	}
	return c.changeCluster(replica.Change{Kind: replica.Forget, ID: id, Force: force})
}

func runClusterFailover(c *conn, argv [][]byte) reply.Reply {
	option := optionAt(argv, 2)
	if len(argv) > 3 {
		return wrongSubcommand("CLUSTER", argv[1])
	}
	if len(argv) == 3 && option != "force" && option != "takeover" {
		return reply.ErrSyntax.Reply()
	}
	if c.srv.o.Backend.Status().State == "leader" {
		return reply.Errorf("ERR You should send CLUSTER FAILOVER to a replica").Reply()
	}
	return c.changeCluster(replica.Change{Kind: replica.Failover, Force: option != ""})
}

// runClusterReplicate takes this node's vote, or with NO ONE in the place of the leader gives it back.
func runClusterReplicate(c *conn, argv [][]byte) reply.Reply {
	switch {
	case len(argv) == 4 && optionAt(argv, 2) == "no" && optionAt(argv, 3) == "one":
		return c.changeCluster(replica.Change{Kind: replica.Promote})
	case len(argv) > 3:
		return reply.ErrSyntax.Reply()
	}
	return c.changeCluster(replica.Change{Kind: replica.Demote, ID: string(argv[2])})
}

// changeCluster answers OK once the change is made, and an error that says what stands against it.
func (c *conn) changeCluster(change replica.Change) reply.Reply {
	c.out.flush()
	c.activity.blocked.Store(true)
	defer c.activity.blocked.Store(false)
	err := c.srv.o.Backend.Change(c.ctx, change)
	refusal := replica.Refusal("")
	switch {
	case err == nil:
		return reply.OK()
	case errors.As(err, &refusal):
		return reply.Errorf("ERR %s", refusal).Reply()
	case errors.Is(err, replica.ErrClosed), errors.Is(err, context.Canceled):
		return errClosed.Reply()
	case errors.Is(err, replica.ErrNoLeader):
		return errNoLeader.Reply()
	}
	return reply.Errorf("ERR not done yet, and perhaps not to be: %v; see CLUSTER NODES and try again", err).Reply()
}
