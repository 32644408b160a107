package main

import (
	"fmt"

	"cairn/cmd/internal/console"
)

// leaveCommand is `cairn leave`.
type leaveCommand struct {
	Addr  string `help:"The node that is to leave." default:"127.0.0.1:6379" placeholder:"HOST:PORT"`
	Pass  string `help:"Password to AUTH with." placeholder:"SECRET"`
	Force bool   `help:"Leave even if no quorum is left."`
}

// Run has the node removed, by whichever node leads.
func (c *leaveCommand) Run(w world) error {
	args := []string{"CLUSTER", "FORGET", "MYSELF"}
	if c.Force {
		args = append(args, "FORCE")
	}
	o := console.Options{Addrs: []string{c.Addr}, Password: c.Pass, In: w.in, Out: w.out, Err: w.errOut}
	if err := console.Run(w.ctx, o, args); err != nil {
		return fmt.Errorf("%w: %w", errSaid, err)
	}
	return nil
}
