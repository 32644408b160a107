package resp

import (
	"errors"
	"time"

	"cairn/fsm/entry"
	"cairn/fsm/reply"
)

// defaultListWait is how long a client may take nothing of a long reply: until it has all of it, the store keeps an
// old state.
const defaultListWait = 30 * time.Second

// listTick is of how many elements one shows that the client still takes them.
const listTick = 1024

// errBrokenOff says that less of a reply was written than its head has promised.
var errBrokenOff = errors.New("resp: a reply is broken off")

// answerList answers a call whose reply may be longer than memory: its elements are written as they are found.
func (c *conn) answerList(r *route, call entry.Call) {
	promised := false
	err := c.srv.o.Backend.List(c.ctx, c.consistency(), call, func(kind reply.Kind, n int, each func(func(reply.Reply) error) error) error {
		promised = true
		return c.listed(kind, n, each)
	})
	var user reply.UserError
	switch {
	case promised && err != nil:
		c.srv.o.Logger.Warn("a reply is broken off, and its client cut off", "peer", c.addr(), "err", err)
		c.kill()
	case errors.As(err, &user):
		answer := user.Reply()
		c.reply(r, &answer)
	case err != nil:
		c.reply(r, &c.readFaults(err, []entry.Call{call}, []*route{r})[0])
	}
}

// listed writes an array, a set, a map or pairs of n elements.
func (c *conn) listed(kind reply.Kind, n int, each func(func(reply.Reply) error) error) error {
	stalled := time.AfterFunc(c.srv.listWait, c.kill)
	defer stalled.Stop()
	c.out.head(kind, n)
	written := 0
	err := each(func(e reply.Reply) error {
		if kind == reply.Pairs && written%2 == 0 {
			c.out.pairHead()
		}
		c.out.reply(e)
		if written++; written%listTick == 0 {
			stalled.Reset(c.srv.listWait)
		}
		return errors.Join(c.out.err, c.ctx.Err())
	})
	if err == nil && written != n {
		return errBrokenOff
	}
	return err
}
