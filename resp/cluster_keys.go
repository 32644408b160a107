package resp

import (
	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

func runClusterKeySlot(_ *conn, argv [][]byte) reply.Reply {
	return reply.Int(int64(command.Slot(argv[2])))
}

func runClusterCountKeys(c *conn, argv [][]byte) reply.Reply {
	return c.readSlot(command.SlotCountName, argv[2:])
}

func runClusterGetKeys(c *conn, argv [][]byte) reply.Reply {
	return c.readSlot(command.SlotKeysName, argv[2:])
}

// readSlot reads by a row that clients cannot call themselves; that row checks the arguments.
func (c *conn) readSlot(name string, args [][]byte) reply.Reply {
	consistency := c.srv.o.Consistency
	if c.sess.readonly {
		consistency = replica.Local
	}
	calls := []entry.Call{{DB: c.sess.db, Argv: append([][]byte{[]byte(name)}, args...)}}
	replies, err := c.srv.o.Backend.Read(c.ctx, consistency, calls)
	if err == nil && len(replies) != 1 {
		err = errReplies
	}
	if err != nil {
		replies = c.readFaults(err, calls, []*route{{spec: &command.Spec{}}})
	}
	return replies[0]
}
