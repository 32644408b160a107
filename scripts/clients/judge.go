package main

import (
	"fmt"
	"strings"
	"time"
)

// callers is how many use one client at once.
const callers = 4

// call is one INCR as its caller saw it. Times are milliseconds of the wall clock.
type call struct {
	caller       int
	began, ended float64
	value        int64
	err          string
}

// cost is what a fault cost the callers.
type cost struct {
	outage   time.Duration // the longest that a caller was without an acknowledged call
	moved    int           // MOVED errors that callers got
	late     time.Duration // from the fault to the last of them
	down     int           // CLUSTERDOWN, LOADING or refused connections: not done, for certain
	doubt    int           // all other errors: done or not
	repeated int64         // increments beyond one for each acknowledged call and each one in doubt
	lost     int64         // acknowledged calls that the counter does not hold
	acked    int
	other    string // the first error of those in doubt
}

func (c cost) String() string {
	s := fmt.Sprintf("%v without an acknowledged write, errors: %d MOVED", c.outage.Round(time.Millisecond), c.moved)
	if c.moved > 0 {
		s += fmt.Sprintf(" (the last after %v)", c.late.Round(time.Millisecond))
	}
	s += fmt.Sprintf(", %d not done, %d in doubt; %d repeated, %d lost of %d", c.down, c.doubt, c.repeated, c.lost, c.acked)
	if c.other != "" {
		s += fmt.Sprintf(" [%.90s]", c.other)
	}
	return s
}

func millis(t time.Time) float64 { return float64(t.UnixMicro()) / 1000 }

// certain are words of errors that say that nothing was done.
var certain = []string{"CLUSTERDOWN", "LOADING", "ECONNREFUSED", "connection refused", "Error 111"}

// judge tells what a fault at a time cost, from the calls in the order in which they ended and the counters at the end.
func judge(calls []call, final [callers]int64, at time.Time) (c cost) {
	end := 0.0
	for _, k := range calls {
		end = max(end, k.ended)
	}
	for id := range callers {
		last, doubt, value := end, int64(0), int64(0)
		// held takes up to doubt of the increments that no acknowledged call explains.
		held := func(now int64) {
			extra := now - value
			c.lost -= min(extra, 0)
			explained := max(0, min(extra, doubt))
			doubt -= explained
			c.repeated += max(extra, 0) - explained
		}
		gap := func(from, to float64) {
			c.outage = max(c.outage, time.Duration((to-from)*float64(time.Millisecond)))
		}
		for _, k := range calls {
			if k.caller != id {
				continue
			}
			last = min(last, k.began) // where the first one began
			if k.err == "" {
				c.acked++
				gap(last, k.ended)
				held(k.value - 1)
				last, value = k.ended, k.value
				continue
			}
			switch {
			case strings.Contains(k.err, "MOVED"):
				c.moved++
				c.late = max(c.late, time.Duration((k.ended-millis(at))*float64(time.Millisecond)))
			case containsAny(k.err, certain):
				c.down++
			default:
				c.doubt++
				doubt++
				if c.other == "" {
					c.other = k.err
				}
			}
		}
		gap(last, end)
		held(final[id])
	}
	return c
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
