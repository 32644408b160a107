// Command cairn is a Redis-protocol server whose every write is agreed by Raft and kept by Pebble, with its console
// and its tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

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

	Help struct {
		Command []string `arg:"" optional:"" help:"The command; without it, all of them are listed."`
	} `cmd:"" help:"Say what a command does, and its flags."`
	ShowVersion struct{} `cmd:"" name:"version" help:"Print the version."`

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
	strange     []string // variables that look like flags, and are none
}

func main() {
	os.Exit(run(world{ctx: context.Background(), in: os.Stdin, out: os.Stdout, errOut: os.Stderr}, os.Args[1:]))
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
	parser.Model.HelpFlag.Short = 0 // -h is a host for cli; everywhere else asWords makes --help of it
	parsed, err := parser.Parse(asWords(args))
	if exited >= 0 { // --help or --version has answered
		return exited
	}
	if err == nil {
		if w.strange = strangeVariables(parser.Model.Node, os.Environ()); parsed.Command() != "serve" {
			for _, name := range w.strange {
				fmt.Fprintf(w.errOut, "cairn: warning: %s: %s\n", strangeVariable, name)
			}
		}
		err = parsed.Run(w)
	} else {
		if err = fmt.Errorf("%w: %w", errUsage, err); strings.Contains(err.Error(), "unexpected argument") {
			err = fmt.Errorf("%w; cairn help lists the commands", err)
		}
	}
	return report(w, err)
}

// strangeVariable is said of each of strangeVariables.
const strangeVariable = "no flag has this environment variable, see --help"

// slackMark is in the environment of a process that has been run anew, see slackTimers, and keeps it from being so for
// ever.
const slackMark = "CAIRN_TIMER_SLACK"

// strangeVariables returns the names of variables of an environment that begin as those of flags, and are none's.
func strangeVariables(of *kong.Node, environment []string) (names []string) {
	known := map[string]bool{}
	var note func(*kong.Node)
	note = func(n *kong.Node) {
		for _, f := range n.Flags {
			for _, name := range f.Envs {
				known[name] = true
			}
		}
		for _, child := range n.Children {
			note(child)
		}
	}
	note(of)
	for _, v := range environment {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "CAIRN_") && !known[name] && name != slackMark {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// asWords returns args with the words help and version, -h where it is not cli's host, and redis-cli's -r -1, which
// kong takes for two flags, as the flags that they mean.
func asWords(args []string) []string {
	switch {
	case len(args) == 0:
		return args
	case args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case args[0] == "version" && len(args) == 1:
		return []string{"--version"}
	case args[len(args)-1] == "-h" && (args[0] != "cli" || len(args) == 2):
		return append(slices.Clone(args[:len(args)-1]), "--help")
	case args[0] == "cli":
		if i := slices.Index(args, "-r"); i > 0 && i+1 < len(args) && args[i+1] == "-1" {
			return slices.Concat(args[:i], []string{"--repeat=-1"}, args[i+2:])
		}
	}
	return args
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
