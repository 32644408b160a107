// Package difftest finds differences between Cairn and a real Redis: it executes long random sequences of commands on
// both and compares each reply, and now and then the whole keyspace.
//
// The commands come from the command table. A row's Syntax says what its arguments look like, its Keys say where keys
// stand; a new command is tested by being in the table. Arguments are plausible, now and then absurd, and now and
// then the call is cut, doubled or shuffled. A sequence is a function of its seed.
//
// No key expires while the test looks on: times to live are far in the future or already past.
package difftest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// Doer is a connection: replies are as RESP sends them, and SELECT works. An error is a fault of the test, not of a
// command.
type Doer interface {
	Do(argv [][]byte) (reply.Reply, error)
}

// clock is what a Doer has whose time must be told, in Unix milliseconds.
type clock interface {
	SetTime(now int64)
}

// Options says what Find does. The zero value of a field means its default.
type Options struct {
	Rows   []command.Spec        // the commands to try
	Seed   uint64                // what the sequence is made of
	Steps  int                   // its length; default 40,000
	Every  int                   // steps between comparisons of the keyspaces; default 500
	Shrink time.Duration         // how long to look for a shorter sequence; default 20 s
	Fresh  func() (Sides, error) // connections to two empty keyspaces
	Skip   map[string]string     // commands that are not tried ("get", "object|freq"), and why
}

func (o Options) withDefaults() Options {
	if o.Steps == 0 {
		o.Steps = 40_000
	}
	if o.Every == 0 {
		o.Every = 500
	}
	if o.Shrink == 0 {
		o.Shrink = 20 * time.Second
	}
	return o
}

// Sides are the two that are compared.
type Sides struct{ Cairn, Redis Doer }

// Difference is what Find found.
type Difference struct {
	Seed     uint64
	Step     int        // the command of the sequence that showed it, counted from 0
	Commands [][][]byte // a shorter sequence that shows a difference too, by its last command
	What     string     // how that differs
}

// String says all that is needed to understand the difference and to see it again.
func (d *Difference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Cairn and Redis differ, seed %d, step %d. %d commands are enough, on an empty keyspace:\n", d.Seed, d.Step, len(d.Commands))
	for _, argv := range d.Commands {
		fmt.Fprintf(&b, "\t%s\n", line(argv))
	}
	b.WriteString(d.What)
	return b.String()
}

// Find executes a random sequence on both sides until a command differs. It returns nil when none does.
func Find(o Options) (*Difference, error) {
	o = o.withDefaults()
	sides, err := o.Fresh()
	if err != nil {
		return nil, err
	}
	gen := NewGenerator(o.Rows, o.Skip, o.Seed)
	var done [][][]byte
	run := runner{sides: sides}
	for step := range o.Steps {
		argv := gen.Next()
		done = append(done, argv)
		what, err := run.step(argv)
		if err == nil && what == "" && (step%o.Every == o.Every-1 || step == o.Steps-1) {
			what, err = run.compareKeyspaces()
		}
		if err != nil {
			return nil, fmt.Errorf("difftest: seed %d, step %d: %s: %w", o.Seed, step, line(argv), err)
		}
		if what != "" {
			short, what := shrink(o, done, what)
			return &Difference{Seed: o.Seed, Step: step, Commands: short, What: what}, nil
		}
	}
	return nil, nil
}

// runner executes commands on both sides, in lockstep.
type runner struct {
	sides Sides
	db    string // the selected database, empty for 0
}

// step executes one command of the sequence and says how the replies differ, or nothing.
func (r *runner) step(argv [][]byte) (what string, err error) {
	rule := ruleOf(argv)
	if rule.before != nil {
		if err := rule.before(r); err != nil {
			return "", err
		}
	}
	if rule.skip != nil {
		if skip, err := rule.skip(r, argv); skip || err != nil {
			return "", err
		}
	}
	cairn, redis, err := r.both(argv)
	if err != nil {
		return "", err
	}
	if strings.EqualFold(string(argv[0]), "select") && redis.Kind == reply.Status {
		r.db = string(argv[1])
	}
	if bytes.HasPrefix(redis.Str, []byte("INVALIDOBJ")) && bytes.HasPrefix(cairn.Str, []byte("INVALIDOBJ")) {
		// Redis may have changed registers before it has found the damage; an error of Cairn's leaves no trace.
		if _, _, err := r.both([][]byte{[]byte("DEL"), argv[1]}); err != nil {
			return "", err
		}
	}
	same := rule.same
	switch {
	case cairn.Kind == reply.Error || redis.Kind == reply.Error:
		same = sameError
	case same == nil:
		same = exactly
	}
	if ok, err := same(r, argv, cairn, redis); ok || err != nil {
		return "", err
	}
	return fmt.Sprintf("%s gives\n\tCairn: %s\n\tRedis: %s\n", line(argv), show(cairn), show(redis)), nil
}

// both executes one command on both sides.
func (r *runner) both(argv [][]byte) (cairn, redis reply.Reply, err error) {
	do := func(argv [][]byte) (reply.Reply, error) { return r.sides.Redis.Do(argv) }
	if other := ruleOf(argv).onRedis; other != nil {
		do = func(argv [][]byte) (reply.Reply, error) { return other(r, argv) }
	}
	if redis, err = do(argv); err != nil {
		return cairn, redis, fmt.Errorf("redis: %w", err)
	}
	if c, ok := r.sides.Cairn.(clock); ok {
		c.SetTime(time.Now().UnixMilli())
	}
	if cairn, err = r.sides.Cairn.Do(argv); err != nil {
		return cairn, redis, fmt.Errorf("cairn: %w", err)
	}
	return cairn, redis, nil
}

// words makes the bytes of a command.
func words(ws ...string) [][]byte {
	argv := make([][]byte, len(ws))
	for i, w := range ws {
		argv[i] = []byte(w)
	}
	return argv
}

// line writes a command so that redis-cli reads it back.
func line(argv [][]byte) string {
	ws := make([]string, len(argv))
	for i, a := range argv {
		ws[i] = quote(a)
	}
	return strings.Join(ws, " ")
}

func quote(b []byte) string {
	plain := func(r rune) bool { return r > ' ' && r <= '~' && r != '"' && r != '\'' && r != '\\' }
	if len(b) > 0 && bytes.IndexFunc(b, func(r rune) bool { return !plain(r) }) < 0 {
		return string(b)
	}
	dst := []byte{'"'}
	for _, c := range b {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ' && c <= '~':
			dst = append(dst, c)
		default:
			dst = fmt.Appendf(dst, `\x%02x`, c)
		}
	}
	return string(append(dst, '"'))
}

// show writes a reply with its kind.
func show(r reply.Reply) string {
	switch r.Kind {
	case reply.Null:
		return "(nil)"
	case reply.NullArray:
		return "(nil array)"
	case reply.Status:
		return "status " + quote(r.Str)
	case reply.Error:
		return "error " + strconv.Quote(string(r.Str))
	case reply.Integer:
		return strconv.FormatInt(r.Int, 10)
	case reply.Bulk:
		return strconv.Quote(string(r.Str))
	case reply.Double:
		return "double " + strconv.FormatFloat(r.Float, 'g', -1, 64)
	case reply.Bool:
		return "bool " + strconv.FormatInt(r.Int, 10)
	}
	kind := map[reply.Kind]string{reply.Map: "map", reply.Set: "set", reply.Push: "push", reply.BigNumber: "big number ",
		reply.Verbatim: "verbatim ", reply.None: "no reply"}[r.Kind]
	if r.Kind < reply.Array || r.Kind > reply.Push {
		return kind + strconv.Quote(string(r.Str))
	}
	elems := make([]string, len(r.Elems))
	for i, e := range r.Elems {
		elems[i] = show(e)
	}
	return kind + "[" + strings.Join(elems, ", ") + "]"
}
