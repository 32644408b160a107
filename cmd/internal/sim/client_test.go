package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"cairn/cmd/internal/redistest"
	"cairn/fsm/reply"
)

// patience is the longest that a client waits for an answer before it gives the connection up; see options.slow.
const patience = 5 * time.Second

// tries is how often a client tries an operation that was certainly not done.
const tries = 12

var (
	// errUnknown says that a command may or may not have been executed, now or later.
	errUnknown = errors.New("sim: outcome unknown")
	// errNotDone says that a command was certainly not executed.
	errNotDone = errors.New("sim: not done")
)

// client is one user of the cluster: it follows redirects and tries again what was refused, and nothing else.
type client struct {
	w      *world
	host   string
	rng    *rand.Rand
	at     int // the node it talks to
	conn   *redistest.Client
	greet  [][]string    // what a new connection begins with
	pinned bool          // it does not go to another node by itself
	wait   time.Duration // its own patience
}

func (w *world) newClient(kind string, n int) *client {
	seed := uint64(300 + n)
	for _, b := range []byte(kind) {
		seed = seed*131 + uint64(b)
	}
	rng := rand.New(rand.NewPCG(w.seed, seed))
	wait := w.o.slow([]time.Duration{patience / 10, patience / 4, patience}[rng.IntN(3)])
	return &client{w: w, host: fmt.Sprintf("%s-%d", kind, n), rng: rng, at: rng.IntN(len(w.c.members)), wait: wait}
}

// hasty gives up earlier than redistest.Client does.
type hasty struct {
	net.Conn
	wait time.Duration
}

// SetReadDeadline implements net.Conn.
func (h hasty) SetReadDeadline(time.Time) error {
	return h.Conn.SetReadDeadline(time.Now().Add(h.wait))
}

func (c *client) connect() error {
	if c.conn != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.wait)
	defer cancel()
	raw, err := c.w.c.net.dial(ctx, c.host, c.w.c.members[c.at].addr)
	if err != nil {
		return err
	}
	c.conn = redistest.NewClient(hasty{raw, c.wait})
	for _, words := range c.greet {
		if r, err := c.conn.Cmd(words...); err != nil || r.Kind == reply.Error {
			c.leave()
			return fmt.Errorf("%v: %s: %w", words, r.Str, errors.Join(err, errNotDone))
		}
	}
	return nil
}

func (c *client) leave() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing is expected of it any more
		c.conn = nil
	}
}

// elsewhere makes the next connection go to another node.
func (c *client) elsewhere() {
	c.leave()
	if !c.pinned {
		c.at = (c.at + 1) % len(c.w.c.members)
	}
	pause(c.w.o.slow(time.Duration(20+c.rng.IntN(200))*time.Millisecond), nil)
}

// do runs one command. Its error is errUnknown or errNotDone; an error reply that is an answer is none.
func (c *client) do(argv [][]byte) (reply.Reply, error) {
	for range tries {
		if err := c.connect(); err != nil {
			c.elsewhere()
			continue
		}
		r, err := c.conn.Do(argv)
		if err != nil {
			c.elsewhere()
			return r, errUnknown
		}
		if r.Kind != reply.Error {
			return r, nil
		}
		again, err := c.refused(argv, string(r.Str))
		if !again {
			return r, err
		}
	}
	return reply.Reply{}, errNotDone
}

func (c *client) cmd(words ...string) (reply.Reply, error) { return c.do(redistest.Argv(words...)) }

// refused says what an error reply means; again is true when the command was certainly not executed.
func (c *client) refused(argv [][]byte, text string) (again bool, err error) {
	code, _, _ := strings.Cut(text, " ")
	switch code {
	case "INDOUBT":
		return false, errUnknown
	case "CLUSTERDOWN", "LOADING":
		c.elsewhere()
		return true, nil
	case "MOVED":
		return true, c.follow(argv, text)
	case "ERR", "WRONGTYPE":
		if strings.Contains(strings.ToLower(text), "internal") || strings.Contains(text, "storage") || strings.Contains(text, "replica:") {
			c.w.violation("%s: %.60q answers %q", c.host, argv, text)
		}
		return false, nil
	}
	return false, nil
}

// follow goes where a redirect says.
func (c *client) follow(argv [][]byte, text string) error {
	words := strings.Fields(text)
	for i, m := range c.w.c.members {
		if len(words) != 3 || words[2] != m.addr {
			continue
		}
		if i == c.at {
			c.w.violation("%s: %s redirects %.60q to itself: %s", c.host, m.id(), argv, text)
		}
		if c.leave(); !c.pinned {
			c.at = i
		}
		pause(time.Duration(1+c.rng.IntN(20))*time.Millisecond, nil)
		return nil
	}
	c.w.violation("%s: %.60q answers %q, which names no node", c.host, argv, text)
	return nil
}
