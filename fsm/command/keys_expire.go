package command

import (
	"math"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
)

func expireRows() []Spec {
	return []Spec{
		{Name: "expire", Summary: "Lets a key expire some seconds from now", Exec: deadline{"expire", 1000, false}.exec()},
		{Name: "pexpire", Summary: "Lets a key expire some milliseconds from now", Exec: deadline{"pexpire", 1, false}.exec()},
		{Name: "expireat", Summary: "Lets a key expire at a Unix time in seconds", Exec: deadline{"expireat", 1000, true}.exec()},
		{Name: "pexpireat", Summary: "Lets a key expire at a Unix time in milliseconds", Exec: deadline{"pexpireat", 1, true}.exec()},
		{Name: "persist", Summary: "Takes the time to live from a key, which then stays until it is removed",
			Exec: Write(raw, runPersist)},
	}
}

// deadline is what the four commands that set a time to live differ in.
type deadline struct {
	name     string
	unit     int64 // milliseconds in one of the amount
	absolute bool  // the amount counts from 1970, not from now
}

func (d deadline) exec() Exec { return Write(d.parse, d.run) }

// expireParams is a parsed call of one of the four.
type expireParams struct {
	key    []byte
	millis int64 // of the amount; negative is allowed
	conditions
}

// conditions are the options that make EXPIRE depend on the time to live that is there.
type conditions struct{ nx, xx, gt, lt bool }

// parse reads the options before the amount: of two mistakes Redis names the one in the options.
func (d deadline) parse(argv [][]byte) (p expireParams, err error) {
	p.key = argv[1]
	if p.conditions, err = parseConditions(argv[3:]); err != nil {
		return p, err
	}
	n, err := parseInt64(argv[2])
	if err != nil {
		return p, err
	}
	if n > math.MaxInt64/d.unit || n < math.MinInt64/d.unit {
		return p, reply.InvalidExpire(d.name)
	}
	p.millis = n * d.unit
	return p, nil
}

func parseConditions(args [][]byte) (c conditions, err error) {
	for _, arg := range args {
		switch {
		case isWord(arg, "NX"):
			c.nx = true
		case isWord(arg, "XX"):
			c.xx = true
		case isWord(arg, "GT"):
			c.gt = true
		case isWord(arg, "LT"):
			c.lt = true
		default:
			return c, reply.Errorf("ERR Unsupported option %s", arg)
		}
	}
	switch {
	case c.nx && (c.xx || c.gt || c.lt):
		return c, reply.UserError("ERR NX and XX, GT or LT options at the same time are not compatible")
	case c.gt && c.lt:
		return c, reply.UserError("ERR GT and LT options at the same time are not compatible")
	}
	return c, nil
}

// run removes the key when the time is not in the future, as Redis does, and answers 1 for that too.
func (d deadline) run(env Env, t *storage.Txn, p expireParams) (reply.Reply, error) {
	at := p.millis
	if !d.absolute {
		if at > math.MaxInt64-env.Now {
			return reply.Reply{}, reply.InvalidExpire(d.name)
		}
		at += env.Now
	}
	s, err := keys.Open(t, env.DB, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	if !s.Live || !p.hold(s.Row.ExpireAt, at) {
		return reply.Int(0), nil
	}
	if at <= env.Now {
		_, err = s.Remove()
		return reply.Int(1), err
	}
	row := s.Row
	row.ExpireAt, row.Version = at, env.Version
	return reply.Int(1), s.Put(row)
}

// hold reports whether a key that expires at old, 0 for never, may be given the new time. Never is later than any time.
func (c conditions) hold(old, at int64) bool {
	switch {
	case c.nx && old != 0, c.xx && old == 0:
		return false
	case c.gt && (old == 0 || at <= old):
		return false
	case c.lt && old != 0 && at >= old:
		return false
	}
	return true
}

func runPersist(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	s, err := keys.Open(t, env.DB, argv[1])
	if err != nil || s.Row.ExpireAt == 0 {
		return reply.Int(0), err
	}
	row := s.Row
	row.ExpireAt, row.Version = 0, env.Version
	return reply.Int(1), s.Put(row)
}
