package resp

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"cairn/fsm/reply"
)

// Bounds of what waits for a client that is told things it did not ask for, in its outbox and behind it, in its
// output buffer. They are Redis's client-output-buffer-limit of the class pubsub.
const (
	outboxBytes  = 32 << 20 // a client with more is cut off
	outboxSoft   = 8 << 20  // one with more for longer than outboxWait, too
	outboxWait   = time.Minute
	messageBytes = 128            // what a message holds beside its strings
	outboxAtOnce = flushBytes / 2 // what is written in a goroutine that has other connections
)

// outbox is what a connection is to be told beside its replies: messages of channels, keys that have changed, calls
// of others. Any goroutine may put a message in, see conn.tell; whoever has the connection writes them between two
// replies, see conn.writeMessages.
type outbox struct {
	size atomic.Int64 // bytes of messages that are not written yet

	mu struct {
		sync.Mutex
		messages []reply.Reply
		closed   bool
		large    time.Time // since when more than outboxSoft waits
		reading  bool      // the connection's goroutine waits for bytes, until its deadline
	}
}

// tell puts messages into the connection's outbox. choose gets what the session has chosen and returns them, so they
// are in order with what the session chooses next: who leaves a channel, and then calls drain, hears no message of it
// any more. The messages, which others may get as well, do not change after it. Any goroutine may call it that has no
// lock of a session; it waits for no client.
func (c *conn) tell(choose func(*choices) []reply.Reply) {
	c.sess.mu.Lock()
	size, waiting, ok := c.putMessages(choose(&c.sess.choices), time.Now())
	c.sess.mu.Unlock()
	switch {
	case !ok:
		c.srv.o.Logger.Warn("a client is cut off: it does not take its messages", "peer", c.addr(), "bytes", waiting)
		c.kill()
	case size > 0:
		c.accountOutput(size)
		c.wake()
	}
}

// putMessages returns how many bytes the messages take, and ok is false when too many wait for the client now.
func (c *conn) putMessages(messages []reply.Reply, now time.Time) (size, waiting int64, ok bool) {
	o := &c.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.mu.closed || len(messages) == 0 {
		return 0, 0, true
	}
	for i := range messages {
		size += sizeOf(messages[i])
	}
	waiting = o.size.Load() + size + c.out.dst.size.Load()
	switch {
	case waiting <= outboxSoft:
		o.mu.large = time.Time{}
	case o.mu.large.IsZero():
		o.mu.large = now
	}
	if waiting > outboxBytes || waiting > outboxSoft && now.Sub(o.mu.large) > outboxWait {
		o.mu.closed = true // there is one line in the log
		return 0, waiting, false
	}
	o.size.Add(size)
	o.mu.messages = append(o.mu.messages, messages...)
	if o.mu.reading {
		c.nc.SetReadDeadline(time.Unix(1, 0))
	}
	return size, waiting, true
}

func sizeOf(message reply.Reply) int64 { return int64(message.Size()) + messageBytes }

// waits tells whether there is a message.
func (o *outbox) waits() bool { return o.size.Load() > 0 }

// writeMessages writes the messages. The caller has the connection, and no reply is written in part.
func (c *conn) writeMessages() { c.writeMessagesUpTo(math.MaxInt64) }

// writeMessagesUpTo is drain if the messages have no more than limit bytes; it is false otherwise.
func (c *conn) writeMessagesUpTo(limit int64) bool {
	if !c.outbox.waits() {
		return true
	}
	c.outbox.mu.Lock()
	if c.outbox.size.Load() > limit {
		c.outbox.mu.Unlock()
		return false
	}
	messages := c.outbox.mu.messages
	c.outbox.mu.messages = nil
	c.outbox.mu.Unlock()
	for i, m := range messages {
		c.out.push(m)
		c.noteDelivered(sizeOf(m))
		messages[i] = reply.Reply{}
	}
	return true
}

// noteDelivered notes that messages of so many bytes wait no more.
func (c *conn) noteDelivered(size int64) {
	c.outbox.size.Add(-size)
	c.accountOutput(-size)
}

// interruptible says whether a message shall end the read that the connection's goroutine is about to begin.
func (o *outbox) interruptible(reading bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.reading = reading
}

// closeOutbox forgets the messages; no more are taken.
func (c *conn) closeOutbox() {
	c.outbox.mu.Lock()
	messages := c.outbox.mu.messages
	c.outbox.mu.messages, c.outbox.mu.closed, c.outbox.mu.reading = nil, true, false
	c.outbox.mu.Unlock()
	for _, m := range messages {
		c.noteDelivered(sizeOf(m))
	}
}
