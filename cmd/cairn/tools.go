package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
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
	Addr    []string      `help:"Addresses of nodes; the first is the presumed leader, the next is tried when one fails (127.0.0.1:6379)." placeholder:"HOST:PORT,..."`
	Host    string        `help:"With --port: one address, instead of --addr (127.0.0.1)." short:"h" env:"-" placeholder:"HOST"`
	Port    int           `help:"With --host (6379)." short:"p" env:"-" placeholder:"PORT"`
	User    string        `help:"User to AUTH as." placeholder:"NAME"`
	Pass    string        `help:"Password to AUTH with." placeholder:"SECRET" short:"a" env:"CAIRN_PASS,REDISCLI_AUTH"`
	DB      int           `help:"Database to SELECT." default:"0" short:"n"`
	Resp3   bool          `help:"Speak RESP3." short:"3" name:"resp3"`
	Raw     bool          `help:"Print replies as they are, also on a terminal." xor:"raw"`
	NoRaw   bool          `help:"Print replies for people, also into a pipe or a file." xor:"raw"`
	Stdin   bool          `help:"Take the last argument from stdin." short:"x" name:"stdin" env:"-"`
	Times   int           `help:"Run the command so many times, on an own connection each; -1 has no end." short:"r" name:"repeat" default:"1" env:"-"`
	Pause   float64       `help:"Seconds between two times." short:"i" name:"interval" default:"0" env:"-" placeholder:"SECONDS"`
	Cluster bool          `help:"As always: MOVED is followed." short:"c" env:"-" hidden:""`
	Errors  bool          `help:"As always: an error is exit code 1." short:"e" env:"-" hidden:""`
	NoAuth  bool          `name:"no-auth-warning" help:"As always." env:"-" hidden:""`
	Timeout time.Duration `help:"How long connecting may take." default:"5s"`
	Args    []string      `arg:"" optional:"" passthrough:"partial" help:"One command; without it a console opens."`
}

// Run talks to the cluster.
func (c *cliCommand) Run(w world) error {
	o := console.Options{
		Addrs: c.Addr, User: c.User, Password: c.Pass, DB: c.DB, Raw: c.Raw, NoRaw: c.NoRaw, Timeout: c.Timeout,
		In: w.in, Out: w.out, Err: w.errOut,
	}
	args, err := c.complete(w)
	if err != nil {
		return err
	}
	if c.Host != "" || c.Port != 0 {
		o.Addrs = []string{net.JoinHostPort(cmp.Or(c.Host, "127.0.0.1"), strconv.Itoa(cmp.Or(c.Port, 6379)))}
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
	for i := 0; c.Times < 0 || i < max(c.Times, 1); i++ {
		if i > 0 && !wait(ctx, time.Duration(c.Pause*float64(time.Second))) {
			break
		}
		if err := console.Run(ctx, o, args); err != nil {
			return fmt.Errorf("%w: %w", errSaid, err)
		}
	}
	return nil
}

// complete checks what goes together, and returns the command with its last argument from stdin if that is asked.
func (c *cliCommand) complete(w world) ([]string, error) {
	if len(c.Args) == 0 && (c.Stdin || c.Times != 1) {
		return nil, fmt.Errorf("%w: -x and -r go with a command", errUsage)
	}
	if c.Pause < 0 || c.Pause > 1e6 {
		return nil, fmt.Errorf("%w: -i must be from 0 to 1000000 seconds", errUsage)
	}
	if !c.Stdin {
		return c.Args, nil
	}
	last, err := io.ReadAll(w.in)
	if err != nil {
		return nil, fmt.Errorf("read stdin: %w", err)
	}
	return append(slices.Clone(c.Args), string(last)), nil
}

// wait returns after d, or with false when ctx ends before.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
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
