package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// row is one client with one choice of settings.
type row struct {
	client, mode, settings string
	broken                 error
	plain, tagged          string // MGETs torn of 300
	handOvers, kills       []cost
}

// late is how long after a hand-over a client with the recommended settings may still get MOVED errors.
const late = 2 * time.Second

// report prints the table and returns the promises that broke.
func report(w io.Writer, rows []row) error {
	fmt.Fprintln(w, "| client | hand-over | errors | repeated | kill -9 | errors | repeated | MGETs torn, with a tag |")
	fmt.Fprintln(w, "| --- | --- | --- | --- | --- | --- | --- | --- |")
	var broken []error
	for _, r := range rows {
		name := strings.Join([]string{r.client, r.mode, r.settings}, " ")
		if r.broken != nil {
			fmt.Fprintf(w, "| %s | %v |\n", name, r.broken)
		} else {
			fmt.Fprintf(w, "| %s | %s | %s | %s, %s |\n", name, summary(r.handOvers), summary(r.kills), r.plain, r.tagged)
		}
		if err := r.promises(); err != nil {
			broken = append(broken, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(broken...)
}

// summary prints the median outage and the worst, the errors that a caller saw in all, and what was repeated.
func summary(costs []cost) string {
	var outages []time.Duration
	var moved, down, doubt int
	var repeated int64
	for _, c := range costs {
		outages = append(outages, c.outage)
		moved, down, doubt, repeated = moved+c.moved, down+c.down, doubt+c.doubt, repeated+c.repeated
	}
	slices.Sort(outages)
	if costs == nil {
		return "- | - | -"
	}
	var errs []string
	for _, e := range []struct {
		n    int
		what string
	}{{moved, "MOVED"}, {down, "not done"}, {doubt, "in doubt"}} {
		if e.n > 0 {
			errs = append(errs, fmt.Sprintf("%d %s", e.n, e.what))
		}
	}
	if errs == nil {
		errs = []string{"0"}
	}
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }
	return fmt.Sprintf("%s (%s) s | %s | %d", seconds(outages[len(outages)/2]), seconds(outages[len(outages)-1]), strings.Join(errs, ", "), repeated)
}

// promises tells which of them this row breaks. What a library does by default is its own affair, except that no
// acknowledged write may be lost.
func (r row) promises() error {
	var broken []error
	for _, c := range slices.Concat(r.handOvers, r.kills) {
		if c.lost > 0 {
			broken = append(broken, fmt.Errorf("%d acknowledged writes lost", c.lost))
		}
	}
	if r.settings == "default" {
		return errors.Join(broken...)
	}
	broken = append(broken, r.broken)
	if r.broken == nil && r.tagged != "0" {
		broken = append(broken, fmt.Errorf("MGETs torn with a hash tag: %s", r.tagged))
	}
	for _, c := range slices.Concat(r.handOvers, r.kills) {
		if c.repeated > 0 {
			broken = append(broken, fmt.Errorf("%d increments repeated", c.repeated))
		}
		if c.late > late {
			broken = append(broken, fmt.Errorf("MOVED errors %v after the hand-over", c.late))
		}
		if c.outage > 10*time.Second {
			broken = append(broken, fmt.Errorf("no acknowledged write for %v", c.outage))
		}
	}
	return errors.Join(broken...)
}
