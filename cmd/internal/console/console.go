// Package console is what `cairn cli` runs: a client for people who have no redis-cli at hand.
//
// It behaves and prints like redis-cli, and knows three things more: it finds the leader among several addresses,
// it says so when there is none, and it never sends a write again whose outcome is unknown. On another connection it
// brings back AUTH, HELLO and SELECT, not READONLY or CLIENT settings; an open MULTI or WATCH keeps it where it is.
//
// The package reads RESP itself. go-redis, which the module already has, does not fit: Client.Do gives status and
// bulk strings the same Go type, turns RESP3 maps into Go maps (the order is lost) and sets into arrays, and retries
// on its own. redigo reads RESP2 only. The reader here is small, bounded and fuzzed; line editing is peterh/liner's.
package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// DefaultAddr is the node that is asked when Options names none.
const DefaultAddr = "127.0.0.1:6379"

// The outcomes that Run tells apart. Run has already said each of them on Out or Err.
var (
	// ErrNoLeader is returned when no node took the command; it was certainly not executed.
	ErrNoLeader = errors.New("the cluster has no leader yet, try again later")
	// ErrNoNode is returned when no node could be reached at all; the command was certainly not executed.
	ErrNoNode = errors.New("cannot connect")
	// ErrInDoubt is returned when the command may or may not have taken effect.
	ErrInDoubt = errors.New("the outcome of the command is unknown")
	// ErrReply is returned when the answer was an error.
	ErrReply = errors.New("the answer is an error")
)

// Options configures Run. The zero value of a field means its default.
type Options struct {
	Addrs    []string      // host:port, host, :port or port; the first is the presumed leader; default DefaultAddr
	User     string        // ACL user; default: the default user. Needs Password
	Password string        // sent by AUTH on every new connection; default: none
	DB       int           // database selected on every new connection
	Proto    int           // 2 or 3, the RESP version; default 2
	History  string        // file that keeps the typed lines, without secrets; default: none
	In       io.Reader     // default os.Stdin
	Out      io.Writer     // replies; default os.Stdout
	Err      io.Writer     // everything else; default os.Stderr
	Timeout  time.Duration // bounds connecting and the console's own questions, never a user's command; default 5 s
	Raw      bool          // print replies raw even on a terminal
	NoRaw    bool          // print replies for people even when Out is no terminal
}

func (o Options) withDefaults() Options {
	if len(o.Addrs) == 0 {
		o.Addrs = []string{DefaultAddr}
	}
	if o.Proto == 0 {
		o.Proto = 2
	}
	if o.In == nil {
		o.In = os.Stdin
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	if o.Err == nil {
		o.Err = os.Stderr
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	for _, a := range o.Addrs {
		_, err := parseAddr(a)
		errs = append(errs, err)
	}
	if o.Proto != 2 && o.Proto != 3 {
		errs = append(errs, fmt.Errorf("console: RESP version %d is neither 2 nor 3", o.Proto))
	}
	if o.DB < 0 {
		errs = append(errs, fmt.Errorf("console: database %d is negative", o.DB))
	}
	if o.Timeout < 0 {
		errs = append(errs, fmt.Errorf("console: timeout %v is negative", o.Timeout))
	}
	if o.User != "" && o.Password == "" {
		errs = append(errs, errors.New("console: a user needs a password"))
	}
	if o.Raw && o.NoRaw {
		errs = append(errs, errors.New("console: raw and no-raw exclude each other"))
	}
	return errors.Join(errs...)
}

// Run executes args as one command, or, without args, the lines of In: at a prompt with line editing, history and
// completion when In and Out are the process's terminal, and silently like redis-cli behind a pipe otherwise.
//
// Run prints everything itself, so the caller only turns an error into an exit code. With args the error is one of
// ErrReply, ErrInDoubt, ErrNoLeader, ErrNoNode, or a fault of the options or of ctx. Behind a pipe every line is tried,
// and the first error is returned at the end. At a prompt only a fault of In, Out or ctx is an error.
//
// A Ctrl-C during a command at the prompt ends that command only, unless ctx ends with the same signal. When ctx ends,
// Run returns at once; a read of In that is under way cannot be interrupted and then stays behind.
func Run(ctx context.Context, o Options, args []string) error {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		fmt.Fprintln(o.Err, err)
		return err
	}
	c := newConsole(o)
	defer c.session.disconnect()
	if len(args) > 0 {
		return c.execute(ctx, args)
	}
	if !c.interactive {
		return c.loop(ctx, newPlainInput(o.In, nil))
	}
	in := openTerminal(o)
	defer in.close()
	return c.loop(ctx, in)
}

// console is the printing half: it turns lines into commands and replies into text. The other half is session.
type console struct {
	session     *session
	out, err    io.Writer
	raw         bool
	interactive bool
	interrupt   chan os.Signal // Ctrl-C, when interactive
	started     bool           // the first prompt was shown
	learned     bool           // a node was asked for the names of its commands
}

func newConsole(o Options) *console {
	c := &console{out: o.Out, err: o.Err}
	c.raw = o.Raw || !o.NoRaw && !isTerminal(o.Out)
	c.interactive = o.In == os.Stdin && o.Out == os.Stdout && isTerminal(o.In) && isTerminal(o.Out)
	c.session = newSession(o, c.warn, c.note)
	return c
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// warn says something that a script's author should see too.
func (c *console) warn(line string) { fmt.Fprintln(c.err, line) }

// note says something that only a person at the prompt wants to see.
func (c *console) note(line string) {
	if c.interactive {
		fmt.Fprintln(c.out, line)
	}
}
