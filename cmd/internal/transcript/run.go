package transcript

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cairn/fsm/reply"
)

// Doer is a connection to what executes commands. A user's error is a reply; an error ends the test.
type Doer interface {
	Do(argv [][]byte) (reply.Reply, error)
}

// Clock is what a Doer has when its time stands still unless it is moved.
type Clock interface {
	Advance(d time.Duration)
}

// Run executes the cases on a fresh connection to an empty keyspace and fails the test for each reply that is not the
// one in the file.
func Run(t testing.TB, cases []Case, d Doer) {
	t.Helper()
	run(t, cases, d, false)
}

// RunOnRedis is Run on a real Redis: cases that Cairn answers differently by design are executed, but not compared.
func RunOnRedis(t testing.TB, cases []Case, d Doer) {
	t.Helper()
	run(t, cases, d, true)
}

func run(t testing.TB, cases []Case, d Doer, redis bool) {
	t.Helper()
	for i := range cases {
		c := &cases[i]
		c.wait(d)
		for _, cmd := range c.Commands {
			got, err := d.Do(cmd.Argv)
			switch {
			case err != nil:
				t.Fatalf("%s: %s: %v", cmd.Pos, cmd.Text, err)
			case redis && c.SkipWhy != "":
			case len(cmd.Want) == 0:
				t.Errorf("%s: %s: the file has no reply for it; run with -update", cmd.Pos, cmd.Text)
			case !c.matches(cmd.Want, renderLines(got)):
				t.Errorf("%s: %s\n%s", cmd.Pos, cmd.Text, diff(cmd.Want, renderLines(got)))
			}
		}
	}
}

// CompareKinds executes the cases on Cairn and on a real Redis and fails the test for each reply that has the right
// text in another shape: a map instead of an array in RESP3, an absent array instead of an absent value in RESP2.
func CompareKinds(t testing.TB, cases []Case, cairn, redis Doer) {
	t.Helper()
	for i := range cases {
		c := &cases[i]
		c.wait(cairn)
		c.wait(redis)
		for _, cmd := range c.Commands {
			ours, errOurs := cairn.Do(cmd.Argv)
			theirs, errTheirs := redis.Do(cmd.Argv)
			if err := errors.Join(errOurs, errTheirs); err != nil {
				t.Fatalf("%s: %s: %v", cmd.Pos, cmd.Text, err)
			}
			if c.SkipWhy != "" || c.Sort && ours.Kind == theirs.Kind && len(ours.Elems) == len(theirs.Elems) {
				continue
			}
			if a, b := Kinds(ours), Kinds(theirs); a != b {
				t.Errorf("%s: %s: Cairn's reply is %s, Redis's %s", cmd.Pos, cmd.Text, a, b)
			}
		}
	}
}

// wait lets the case's time pass.
func (c *Case) wait(d Doer) {
	if c.After == 0 {
		return
	}
	if clock, ok := d.(Clock); ok {
		clock.Advance(c.After)
		return
	}
	<-time.After(c.After)
}

func (c *Case) matches(want, got []string) bool {
	if c.Sort {
		want, got = sorted(want), sorted(got)
	}
	return slices.EqualFunc(want, got, func(a, b string) bool { return a == b || c.Near > 0 && near(a, b, c.Near) })
}

// near compares two lines whose integers may differ by tolerance.
func near(a, b string, tolerance int64) bool {
	const mark = "(integer) "
	i := strings.Index(a, mark) + len(mark)
	if i < len(mark) || len(b) < i || a[:i] != b[:i] {
		return false
	}
	m, errA := strconv.ParseInt(a[i:], 10, 64)
	n, errB := strconv.ParseInt(b[i:], 10, 64)
	return errA == nil && errB == nil && m >= 0 && n >= 0 && max(m, n)-min(m, n) <= tolerance
}

// diff shows wanted lines with a minus and those that came with a plus.
func diff(want, got []string) string {
	var b strings.Builder
	for i := range max(len(want), len(got)) {
		switch {
		case i < len(want) && i < len(got) && want[i] == got[i]:
			fmt.Fprintf(&b, "\t  %s\n", want[i])
			continue
		case i < len(want):
			fmt.Fprintf(&b, "\t- %s\n", want[i])
		}
		if i < len(got) {
			fmt.Fprintf(&b, "\t+ %s\n", got[i])
		}
	}
	return b.String()
}

// Update executes a file's cases and writes the replies into it. Where Cairn differs from Redis by design, a real Redis
// leaves the file as it is.
func Update(t testing.TB, f File, d Doer, redis bool) {
	t.Helper()
	var blocks []string
	for _, c := range f.Cases {
		c.wait(d)
		lines := slices.Clone(c.head)
		for i, cmd := range c.Commands {
			if i == 0 {
				lines = append(lines, separator)
			}
			got, err := d.Do(cmd.Argv)
			if err != nil {
				t.Fatalf("%s: %s: %v", cmd.Pos, cmd.Text, err)
			}
			rendered := renderLines(got)
			if len(cmd.Want) > 0 && (redis && c.SkipWhy != "" || c.matches(cmd.Want, rendered)) {
				rendered = cmd.Want
			}
			lines = append(lines, rendered...)
		}
		blocks = append(blocks, strings.Join(lines, "\n")+"\n")
	}
	if err := os.WriteFile(f.Path, []byte(strings.Join(blocks, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}
