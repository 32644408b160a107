package resp

import (
	"context"
	"errors"
	"sync"
	"time"

	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// cairnRows are the commands that Redis does not have; Since is a version of Cairn.
func cairnRows() []command.Spec {
	return []command.Spec{
		{Name: "cairn.verify", Flags: command.FlagAdmin | command.FlagNoScript | command.FlagNoMulti, Group: "server", Since: "0.1.0",
			ACL: "admin slow dangerous", Cost: "O(N) where N is the number of keys, on every node, beside the serving of clients", Tips: "nondeterministic_output",
			Syntax: "[TIMEOUT milliseconds:integer]", Exec: handler(runVerify),
			Summary: "Sums up the state of every node at one log index and says whether the nodes agree; the leader answers"},
	}
}

// verifyTimeout is how long CAIRN.VERIFY waits for checksums unless told otherwise.
const verifyTimeout = 10 * time.Second

const (
	errVerifying  reply.UserError = "ERR another CAIRN.VERIFY is running, try again later"
	errVerifyLost reply.UserError = "CLUSTERDOWN leadership was lost during CAIRN.VERIFY, which changes nothing: try again"
)

func runVerify(c *conn, argv [][]byte) reply.Reply {
	timeout := verifyTimeout
	switch {
	case len(argv) == 3 && optionAt(argv, 1) == "timeout":
		millis, err := parseTimeout(argv[2])
		if err != nil {
			return failure(err)
		}
		if millis == 0 {
			return reply.Errorf("ERR timeout must be above 0").Reply()
		}
		timeout = time.Duration(millis) * time.Millisecond
	case len(argv) != 1:
		return reply.ErrSyntax.Reply()
	}
	if c.srv.o.Verify == nil {
		return reply.Errorf("ERR CAIRN.VERIFY is not available on this server").Reply()
	}
	v, err := c.verify(timeout)
	switch {
	case errors.Is(err, replica.ErrVerifying):
		return errVerifying.Reply()
	case errors.Is(err, replica.ErrInDoubt):
		return errVerifyLost.Reply()
	case err != nil:
		return c.writeFaults(err, []entry.Call{{}}, []*route{{spec: &command.Spec{}}})[0]
	}
	return verdictReply(v)
}

// verify waits for the verdict, and no longer than the server runs.
func (c *conn) verify(timeout time.Duration) (replica.Verdict, error) {
	c.out.flush()
	c.activity.blocked.Store(true)
	defer c.activity.blocked.Store(false)
	ctx, cancel := context.WithCancel(c.ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-c.srv.open.stopping:
			cancel()
		case <-ctx.Done():
		}
	})
	defer watch.Wait()
	defer cancel()
	return c.srv.o.Verify(ctx, timeout)
}

func verdictReply(v replica.Verdict) reply.Reply {
	nodes := make([]reply.Reply, len(v.Nodes))
	for i, n := range v.Nodes {
		checksum := reply.Nil()
		if n.Checksum != "" {
			checksum = reply.BulkString(n.Checksum)
		}
		nodes[i] = reply.MapOf(
			reply.BulkString("id"), reply.BulkString(n.ID), reply.BulkString("addr"), reply.BulkString(n.Addr),
			reply.BulkString("status"), reply.BulkString(n.Status), reply.BulkString("checksum"), checksum)
	}
	return reply.MapOf(
		reply.BulkString("index"), reply.Int(int64(v.Index)), reply.BulkString("agree"), reply.Flag(v.Agree),
		reply.BulkString("missing"), reply.Int(int64(v.Missing)), reply.BulkString("nodes"), reply.ArrayOf(nodes...))
}
