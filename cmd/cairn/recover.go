package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"cairn/cmd/node"
	"cairn/storage"
)

// recoverCommand is `cairn recover`.
type recoverCommand struct {
	Dir     string `help:"The data directory (--dir) of the stopped node that is to go on." required:"" type:"path"`
	Members string `help:"The cluster from now on, this node included." required:"" placeholder:"ID=HOST:PORT,..."`
	DryRun  bool   `help:"Only say what would be done."`
}

// Run gives the node its new membership.
func (c *recoverCommand) Run(w world) error {
	members, err := parsePeers(c.Members)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	r, err := node.Recover(node.RecoverOptions{Dir: c.Dir, Members: members, DryRun: c.DryRun})
	if errors.Is(err, storage.ErrLocked) {
		return fmt.Errorf("the node in %s runs: recovering is for a stopped node of a cluster that has lost its majority: %w", c.Dir, err)
	}
	if err != nil {
		return err
	}
	c.report(w.out, r)
	return nil
}

func (c *recoverCommand) report(out io.Writer, r node.Recovered) {
	newest := "none"
	if !r.Newest.IsZero() {
		newest = r.Newest.UTC().Format(time.DateTime) + " UTC"
	}
	fmt.Fprintf(out, "node:         %s of cluster %s\nlog:          entries %d to %d\nstate:        at entry %d\nnewest write: %s\n",
		r.ID, r.Cluster, r.First, r.Last, r.Applied, newest)
	fmt.Fprintf(out, "members now:  %s\nmembers then: %s\n", strings.Join(r.Now, ", "), strings.Join(r.Then, ", "))
	fmt.Fprintf(out, "\nWARNING: what the other nodes acknowledged and this node does not hold is lost.\n")
	if gone := left(r.Now, r.Then); len(gone) > 0 {
		fmt.Fprintf(out, "WARNING: never start %s on the old directories again: together they could go on as a second cluster.\n", strings.Join(gone, ", "))
	}
	if c.DryRun {
		fmt.Fprintf(out, "\nNothing was changed. Without --dry-run, entry %d of term %d gets the new members.\n", r.Index, r.Term)
		return
	}
	fmt.Fprintf(out, "\nEntry %d of term %d has the new members. The log as it was: %s\n", r.Index, r.Term, r.Backup)
	fmt.Fprintf(out, "Next: start the node as before, without --peers; add others on empty directories with cairn serve --join.\n")
}

// left returns the ids of the members that are not among the new ones.
func left(now, then []string) (gone []string) {
	id := func(member string) string { s, _, _ := strings.Cut(member, " "); return s }
	for _, m := range now {
		if !slices.ContainsFunc(then, func(t string) bool { return id(t) == id(m) }) {
			gone = append(gone, id(m))
		}
	}
	return gone
}
