package resp

import (
	"slices"
	"strings"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// subscribeRows are the commands of a connection that listens for what a sentinel announces: one that is subscribed
// hears when another node begins to lead. There is no PUBLISH: other channels stay silent.
func subscribeRows() []command.Spec {
	channels := func(s *choices) *[]string { return &s.channels }
	patterns := func(s *choices) *[]string { return &s.patterns }
	return []command.Spec{
		{Name: "subscribe", Summary: "Listens for what a sentinel announces, such as +switch-master",
			Cost: "where N is the number of channels to subscribe to.", Exec: subscribing(channels)},
		{Name: "psubscribe", Summary: "Listens like SUBSCRIBE, to channels that match a pattern",
			Cost: "where N is the number of patterns the client is already subscribed to.", Exec: subscribing(patterns)},
		{Name: "unsubscribe", Summary: "Listens to channels no more",
			Cost: "where N is the number of clients already subscribed to a channel.", Exec: unsubscribing(channels)},
		{Name: "punsubscribe", Summary: "Listens to patterns no more",
			Cost: "where N is the number of patterns the client is already subscribed and M is the number of total patterns subscribed in the system (by any client).", Exec: unsubscribing(patterns)},
	}
}

// maxSubscriptions bounds what one connection may listen to.
const maxSubscriptions = 1024

// subscribing answers each name with a message of its own, which CLIENT REPLY does not silence.
func subscribing(names func(*choices) *[]string) handler {
	return func(c *conn, argv [][]byte) reply.Reply {
		if len(*names(&c.sess.choices))+len(argv)-1 > maxSubscriptions {
			return reply.Errorf("ERR too many subscriptions").Reply()
		}
		var answers []reply.Reply
		for _, name := range argv[1:] {
			c.change(func(s *session) {
				if list := names(&s.choices); !slices.Contains(*list, string(name)) {
					*list = append(slices.Clone(*list), string(name)) // others may be reading the old one
				}
			})
			answers = append(answers, c.subscription(argv[0], reply.BulkBytes(slices.Clone(name))))
		}
		c.srv.follow(c)
		return c.pushAll(answers)
	}
}

func unsubscribing(names func(*choices) *[]string) handler {
	return func(c *conn, argv [][]byte) reply.Reply {
		gone := slices.Clone(*names(&c.sess.choices))
		if len(argv) > 1 {
			gone = nil
			for _, name := range argv[1:] {
				gone = append(gone, string(name))
			}
		}
		if len(gone) == 0 {
			return c.pushAll([]reply.Reply{c.subscription(argv[0], reply.Nil())})
		}
		var answers []reply.Reply
		for _, name := range gone {
			c.change(func(s *session) {
				list := names(&s.choices)
				*list = slices.DeleteFunc(slices.Clone(*list), func(n string) bool { return n == name })
			})
			answers = append(answers, c.subscription(argv[0], reply.BulkString(name)))
		}
		c.writeMessages() // what was said before
		return c.pushAll(answers)
	}
}

// pushAll writes messages in the place of a reply.
func (c *conn) pushAll(messages []reply.Reply) reply.Reply {
	for _, m := range messages {
		c.out.push(m)
	}
	return reply.Reply{Kind: reply.None}
}

func (c *conn) subscription(verb []byte, name reply.Reply) reply.Reply {
	n := len(c.sess.channels) + len(c.sess.patterns)
	return pushOf(reply.BulkString(strings.ToLower(string(verb))), name, reply.Int(int64(n)))
}

func pushOf(elems ...reply.Reply) reply.Reply { return reply.Reply{Kind: reply.Push, Elems: elems} }

// listens reports whether the connection is subscribed to anything.
func (c *conn) listens() bool { return c.sess.listens() }

// subscribed is listens for any goroutine.
func (c *conn) subscribed() bool {
	c.sess.mu.Lock()
	defer c.sess.mu.Unlock()
	return c.sess.listens()
}

func (s *choices) listens() bool { return len(s.channels)+len(s.patterns) > 0 }

// onlyListens refuses what a RESP2 client may not say while it listens: it could not tell replies from messages.
func (c *conn) onlyListens(spec *command.Spec, name string) error {
	if !c.listens() || c.sess.resp3 || spec.Flags&command.FlagPubSub != 0 || slices.Contains([]string{"ping", "quit", "reset"}, spec.Name) {
		return nil
	}
	return reply.Errorf("ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", name)
}
