package resp

import (
	"strconv"
	"time"

	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

func runReadOnly(c *conn, _ [][]byte) reply.Reply {
	c.change(func(s *session) { s.readonly = true })
	return reply.OK()
}

func runReadWrite(c *conn, _ [][]byte) reply.Reply {
	c.change(func(s *session) { s.readonly = false })
	return reply.OK()
}

func runAsking(*conn, [][]byte) reply.Reply { return reply.OK() }

func runTime(*conn, [][]byte) reply.Reply {
	micros := time.Now().UnixMicro()
	return reply.ArrayOf(
		reply.BulkString(strconv.FormatInt(micros/1_000_000, 10)),
		reply.BulkString(strconv.FormatInt(micros%1_000_000, 10)))
}

// runLolwut takes the same arguments as Redis and draws one picture for all of them.
func runLolwut(c *conn, argv [][]byte) reply.Reply {
	if optionAt(argv, 1) == "version" && len(argv) > 2 {
		if _, err := parseInteger(argv[2], reply.ErrNotInteger); err != nil {
			return failure(err)
		}
	}
	return reply.VerbatimText(cairn + "\nCairn " + c.srv.o.Version + ", as Redis ver. " + redisVersion + "\n")
}

const cairn = `
          _
         (_)
        (___)
       (_____)
      (_______)
     (_________)
`

// runShutdown asks the node to stop. Like Redis it answers nothing: the connection ends with the others.
func runShutdown(c *conn, argv [][]byte) reply.Reply {
	save, nosave, abort := false, false, false
	for i := range argv[1:] {
		switch optionAt(argv, i+1) {
		case "save":
			save = true
		case "nosave":
			nosave = true
		case "now", "force":
		case "abort":
			abort = true
		default:
			return reply.ErrSyntax.Reply()
		}
	}
	switch {
	case save && nosave, abort && len(argv) > 2:
		return reply.ErrSyntax.Reply()
	case abort:
		return reply.Errorf("ERR No shutdown in progress.").Reply()
	case c.srv.o.Shutdown == nil:
		return reply.Errorf("ERR Errors trying to SHUTDOWN. Check logs.").Reply()
	}
	c.srv.o.Shutdown()
	c.block(shutdownWait, c.srv.open.stopping)
	c.change(func(s *session) { s.closing = true })
	return reply.Reply{Kind: reply.None}
}

// shutdownWait bounds how long SHUTDOWN waits for the node to begin to stop.
const shutdownWait = 10 * time.Second

// waitTick is the time between two looks at the followers.
const waitTick = 10 * time.Millisecond

// runWait answers how many other voters hold every write acknowledged before the call. A majority does, always: the
// rest are counted as far as this node, which must lead, has heard from them.
func runWait(c *conn, argv [][]byte) reply.Reply {
	want, err := parseInteger(argv[1], reply.ErrNotInteger)
	if err != nil {
		return failure(err)
	}
	millis, err := parseTimeout(argv[2])
	if err != nil {
		return failure(err)
	}
	st := c.srv.o.Backend.Status()
	if st.State != "leader" {
		return reply.Errorf("ERR WAIT cannot be used with replica instances.").Reply()
	}
	index := st.AppliedIndex
	deadline := time.Now().Add(time.Duration(millis) * time.Millisecond)
	for {
		n := holders(st, index)
		if n >= want || millis > 0 && !time.Now().Before(deadline) || c.ctx.Err() != nil || c.srv.isStopping() {
			return reply.Int(n)
		}
		c.block(waitTick, c.srv.open.stopping)
		st = c.srv.o.Backend.Status()
	}
}

// holders counts the other voters that have applied the entry at index, which is committed.
func holders(st replica.Status, index uint64) (n int64) {
	for _, m := range st.Members {
		if m.Voter && !m.Self && m.Connected && m.Applied >= index {
			n++
		}
	}
	return max(n, int64(st.Voters/2))
}
