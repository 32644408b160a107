package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"cairn/cmd/internal/console"
	"cairn/cmd/internal/dump"
)

// errSaid is wrapped by errors that the user has seen already.
var errSaid = errors.New("said")

// cliCommand is `cairn cli`.
type cliCommand struct {
	Addr    []string      `help:"Addresses of nodes; the first is the presumed leader, the next is tried when one fails." default:"127.0.0.1:6379" placeholder:"HOST:PORT,..." short:"a"`
	User    string        `help:"User to AUTH as." placeholder:"NAME"`
	Pass    string        `help:"Password to AUTH with." placeholder:"SECRET"`
	DB      int           `help:"Database to SELECT." default:"0" short:"n"`
	Resp3   bool          `help:"Speak RESP3." short:"3" name:"resp3"`
	Raw     bool          `help:"Print replies as they are, also on a terminal."`
	Timeout time.Duration `help:"How long connecting may take." default:"5s"`
	Args    []string      `arg:"" optional:"" passthrough:"partial" help:"One command; without it a console opens."`
}

// Run talks to the cluster.
func (c *cliCommand) Run(w world) error {
	o := console.Options{
		Addrs: c.Addr, User: c.User, Password: c.Pass, DB: c.DB, Raw: c.Raw, Timeout: c.Timeout,
		In: w.in, Out: w.out, Err: w.errOut,
	}
	if c.Resp3 {
		o.Proto = 3
	}
	if home, err := os.UserHomeDir(); err == nil {
		o.History = filepath.Join(home, ".cairn_history")
	}
	// Ctrl-C is the console's own: it ends a command, not the console.
	ctx, stop := signal.NotifyContext(w.ctx, syscall.SIGTERM)
	defer stop()
	if err := console.Run(ctx, o, c.Args); err != nil {
		return fmt.Errorf("%w: %w", errSaid, err)
	}
	return nil
}

// dumpCommand is `cairn dump`.
type dumpCommand struct {
	Dir   string `arg:"" help:"The data directory (--dir of the node)." type:"path"`
	Log   bool   `help:"Show the log's entries, decoded."`
	Keys  bool   `help:"Show the keys, decoded."`
	Limit int    `help:"Show at most this many entries and keys; 0 is all of them." default:"1000"`
}

// Run shows the directory.
func (c *dumpCommand) Run(w world) error {
	return dump.Run(w.out, c.Dir, dump.Options{Log: c.Log, Keys: c.Keys, Limit: c.Limit})
}

// oneLine joins the lines of an error, so that a log or a terminal shows it as one.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' }), "; ")
}
