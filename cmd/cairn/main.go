// Command cairn is a Redis-protocol server whose every write is agreed by Raft and kept by Pebble, with its console
// and its tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"cairn/cmd/node"
)

// commandLine is everything that can be said on it. Each flag can also come from the environment as CAIRN_<FLAG>.
type commandLine struct {
	Serve   serveCommand   `cmd:"" default:"withargs" help:"Run a node (what cairn does without a command)."`
	Cli     cliCommand     `cmd:"" help:"Talk to a cluster: one command, or a console with history."`
	Recover recoverCommand `cmd:"" help:"Give a stopped node of a cluster that has lost its majority a new membership."`
	Dump    dumpCommand    `cmd:"" help:"Show the data directory of a stopped node; changes nothing."`
	Leave   leaveCommand   `cmd:"" help:"Remove a running node from its cluster; it serves nothing afterwards."`

	Version kong.VersionFlag `help:"Print the version and leave." env:"-"`
}

// The exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2 // a flag is wrong, or contradicts the directory
)

// errUsage is wrapped by errors that the user mends by changing flags.
var errUsage = errors.New("usage")

// world is what the commands have of the process.
type world struct {
	ctx         context.Context
	in          io.Reader
	out, errOut io.Writer
}

func main() {
	os.Exit(run(world{context.Background(), os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// run is main without the process; it returns the exit code.
func run(w world, args []string) (code int) {
	exited := -1
	var line commandLine
	parser, err := kong.New(&line,
		kong.Name("cairn"),
		kong.Description("Cairn: a Redis-protocol database. Every write is agreed by Raft and on the disks of a majority before it is acknowledged."),
		kong.DefaultEnvars("CAIRN"),
		kong.Vars{"version": "cairn " + node.Version},
		kong.Writers(w.out, w.errOut),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		panic(err) // the struct above is wrong
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help or --version has answered
		return exited
	}
	if err == nil {
		err = parsed.Run(w)
	} else {
		err = fmt.Errorf("%w: %w", errUsage, err)
	}
	return report(w, err)
}

// report prints an error as one line and says the exit code.
func report(w world, err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errSaid):
		return exitError
	}
	line := err.Error()
	usage := errors.Is(err, errUsage) || errors.Is(err, node.ErrRefused)
	fmt.Fprintln(w.errOut, "cairn:", oneLine(line))
	if usage {
		return exitUsage
	}
	return exitError
}
