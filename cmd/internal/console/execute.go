package console

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

// executeTyped is execute for a person: a Ctrl-C ends the command, and what took long says how long.
func (c *console) executeTyped(ctx context.Context, args []string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	start := time.Now()
	err := c.execute(ctx, args)
	if took := time.Since(start); took >= 500*time.Millisecond && !c.raw {
		c.note(fmt.Sprintf("(%.2fs)", took.Seconds()))
	}
	select {
	case <-c.interrupt: // it was meant for the command
	default:
	}
	return err
}

// execute runs one command and prints what comes of it.
func (c *console) execute(ctx context.Context, args []string) error {
	if name := strings.ToLower(args[0]); name == "help" || name == "?" {
		return c.help(ctx, args[1:])
	}
	rep, refused := c.unsupported(args)
	if !refused {
		var err error
		if rep, err = c.session.do(ctx, args); err != nil {
			fmt.Fprintln(c.err, err)
			return err
		}
	}
	if !refused && streams(args) && !rep.isError() {
		return c.follow(ctx, args, rep)
	}
	var outcome error
	switch {
	case rep.hasPrefix("INDOUBT"):
		outcome = ErrInDoubt
	case rep.isError():
		outcome = ErrReply
	}
	return c.write(appendReply(nil, args, rep, c.raw), outcome)
}

// write prints text and returns then, or what went wrong with the printing.
func (c *console) write(text []byte, then error) error {
	if _, err := c.out.Write(text); err != nil {
		return fmt.Errorf("console: write: %w", err)
	}
	return then
}

// streams reports whether the node goes on talking after it has answered args.
func streams(args []string) bool {
	switch strings.ToUpper(args[0]) {
	case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR":
		return true
	}
	return false
}

// follow prints what the node says after args, beginning with first, until ctx or the connection ends. The connection
// is given up: on it there is no question and answer any more.
func (c *console) follow(ctx context.Context, args []string, first reply) error {
	defer c.session.disconnect()
	if !c.raw && !strings.EqualFold(args[0], "MONITOR") {
		if err := c.write([]byte("Reading messages... (press Ctrl-C to quit)\n"), nil); err != nil {
			return err
		}
	}
	for rep := first; ; {
		if err := c.write(appendReply(nil, args, rep, c.raw), nil); err != nil {
			return err
		}
		var err error
		if rep, err = c.session.conn.listen(ctx); err != nil {
			if ctx.Err() == nil {
				fmt.Fprintf(c.err, "connection to %s lost (%s)\n", c.session.addr, cause(err))
				return fmt.Errorf("console: %s: %w", args[0], err)
			}
			return ctx.Err()
		}
	}
}

// unsupported answers what would leave the connection neither question and answer nor a stream to print.
func (c *console) unsupported(args []string) (rep reply, refused bool) {
	name := strings.ToUpper(args[0])
	switch name {
	case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR":
		if c.session.st.pinned() {
			return errorReply("ERR %s is not sent inside MULTI or WATCH", name), true
		}
		return reply{}, false
	case "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE":
		return errorReply("ERR nothing is subscribed here: Ctrl-C ends a SUBSCRIBE"), true
	case "SYNC", "PSYNC":
	case "CLIENT":
		if len(args) < 3 || !strings.EqualFold(args[1], "REPLY") || strings.EqualFold(args[2], "ON") {
			return reply{}, false
		}
		name = "CLIENT REPLY"
	default:
		return reply{}, false
	}
	return errorReply("ERR %s is not supported in this console, which waits for a reply to each command", name), true
}
