package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

// input is where lines come from: a terminal with line editing, or a pipe.
type input interface {
	// readLine returns the next line without its end, io.EOF after the last, errAborted after a Ctrl-C.
	readLine(prompt string) (string, error)
	// remember adds a line to the history.
	remember(line string)
	// complete gives the names of the commands to the line editor.
	complete(words []string)
	close()
}

// errAborted is returned when the user ends the console with Ctrl-C.
var errAborted = errors.New("console: aborted")

// loop executes the lines of in until its end, exit or quit.
func (c *console) loop(ctx context.Context, in input) error {
	if c.interactive { // for the whole loop: dying of a signal would leave the terminal without echo
		c.interrupt = make(chan os.Signal, 1)
		signal.Notify(c.interrupt, os.Interrupt)
		defer signal.Stop(c.interrupt)
	}
	var first error
	for {
		c.prepare(ctx, in)
		line, err := c.nextLine(ctx, in)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errAborted):
			return first
		case err != nil:
			fmt.Fprintln(c.err, err)
			return err
		}
		more, err := c.line(ctx, in, line)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if first == nil && !c.interactive {
			first = err
		}
		if !more {
			return first
		}
	}
}

// nextLine reads a line, or gives up when ctx ends or a Ctrl-C comes that the terminal has not read as a key.
// A read cannot be interrupted: its goroutine ends with the read.
func (c *console) nextLine(ctx context.Context, in input) (string, error) {
	prompt := c.prompt()
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := in.readLine(prompt)
		done <- result{line, err}
	}()
	select {
	case r := <-done:
		return r.line, r.err
	case <-c.interrupt:
		c.note("")
		return "", errAborted
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// prepare connects before the first prompt, so that the prompt is true, and learns the command names once.
func (c *console) prepare(ctx context.Context, in input) {
	if !c.interactive || c.learned {
		return
	}
	if !c.started {
		c.started = true
		if err := c.session.connect(ctx, &tries{}); err != nil {
			c.warn(err.Error())
		}
	}
	if s := c.session; s.conn != nil && !s.st.pinned() && !s.st.lost {
		c.learned = true
		in.complete(s.commandNames(ctx))
	}
}

// prompt is host:port> , host:port[db]> , with (TX) inside MULTI, or not connected> .
func (c *console) prompt() string {
	s := c.session
	if s.conn == nil {
		return "not connected> "
	}
	p := s.addr
	if s.st.db != 0 {
		p += fmt.Sprintf("[%d]", s.st.db)
	}
	if s.st.multi {
		p += "(TX)"
	}
	return p + "> "
}

// line executes one line and reports whether more may follow.
func (c *console) line(ctx context.Context, in input, line string) (more bool, err error) {
	args, ok := splitArgs(line)
	if !ok {
		in.remember(line)
		return true, c.write([]byte("Invalid argument(s)\n"), ErrReply)
	}
	if len(args) == 0 {
		return true, nil
	}
	if !secret(args) {
		in.remember(line)
	}
	switch strings.ToLower(args[0]) {
	case "exit", "quit":
		return false, nil
	case "clear":
		if c.interactive {
			return true, c.write([]byte("\x1b[H\x1b[2J"), nil)
		}
		return true, nil
	}
	if !c.interactive {
		return true, c.execute(ctx, args)
	}
	return true, c.executeTyped(ctx, args)
}
