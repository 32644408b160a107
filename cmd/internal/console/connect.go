package console

import (
	"context"
	"fmt"
	"strings"
)

// tries is what one command has met on its way, node by node.
type tries struct {
	redirects int
	causes    []nodeCause // nodes that are out for this command, in the order of their failure
	unreached int         // how many of them could not be connected to
	dropped   []string    // nodes that closed a connection once
	readonly  bool        // a node has said that the command only reads
}

type nodeCause struct{ addr, cause string }

// fail rules a node out.
func (t *tries) fail(addr, cause string) { t.causes = append(t.causes, nodeCause{addr, cause}) }

// drop rules a node out when it breaks its second connection: a first one may just have been old.
func (t *tries) drop(addr, cause string) {
	for _, a := range t.dropped {
		if a == addr {
			t.fail(addr, cause)
			return
		}
	}
	t.dropped = append(t.dropped, addr)
}

func (t *tries) failed(addr string) bool {
	for _, c := range t.causes {
		if c.addr == addr {
			return true
		}
	}
	return false
}

// noLeader is ErrNoLeader with what every node said, in one line, or ErrNoNode when none said anything.
func (t *tries) noLeader(last string) error {
	var parts []string
	for _, c := range t.causes {
		parts = append(parts, c.addr+": "+c.cause)
	}
	if last != "" {
		parts = append(parts, last)
	}
	if t.unreached == len(t.causes) && last == "" {
		return fmt.Errorf("%w to %s", ErrNoNode, strings.Join(parts, "; "))
	}
	return fmt.Errorf("%w (%s)", ErrNoLeader, strings.Join(parts, "; "))
}

// connect makes sure that there is a connection to a node that t has not ruled out, the last one that answered first.
func (s *session) connect(ctx context.Context, t *tries) error {
	if s.conn != nil && (t.failed(s.addr) || !s.usable()) {
		s.disconnect()
	}
	for s.conn == nil {
		addr, ok := s.pick(t)
		if !ok {
			return t.noLeader("")
		}
		err := s.open(ctx, addr)
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted, the command was not sent: %w", ctx.Err())
		}
		if err != nil {
			t.fail(addr, cause(err))
			t.unreached++
		}
	}
	return nil
}

// pick returns the node to try: the current one, or the first after it in the list that has not failed.
func (s *session) pick(t *tries) (addr string, ok bool) {
	if !t.failed(s.addr) {
		return s.addr, true
	}
	for _, a := range s.nodes {
		if !t.failed(a) {
			return a, true
		}
	}
	return "", false
}

// open connects to addr and makes it the current node.
func (s *session) open(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	c, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	if err := c.greet(ctx, &s.st, s.warn); err != nil {
		c.nc.Close()
		return err
	}
	s.conn, s.addr = c, addr
	return nil
}
