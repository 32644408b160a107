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
	rep, refused := unsupported(args)
	if !refused {
		var err error
		if rep, err = c.session.do(ctx, args); err != nil {
			fmt.Fprintln(c.err, err)
			return err
		}
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

// unsupported answers the commands after which a connection is no longer question and answer.
func unsupported(args []string) (rep reply, refused bool) {
	name := strings.ToUpper(args[0])
	switch name {
	case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE",
		"MONITOR", "SYNC", "PSYNC":
	case "CLIENT":
		if len(args) < 3 || !strings.EqualFold(args[1], "REPLY") || strings.EqualFold(args[2], "ON") {
			return reply{}, false
		}
		name = "CLIENT REPLY"
	default:
		return reply{}, false
	}
	return errorReply("ERR %s is not supported in this console, which prints one reply a command; use redis-cli", name), true
}
