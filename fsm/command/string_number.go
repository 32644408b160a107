package command

import (
	"math"
	"strconv"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/layout"
	"cairn/storage/str"
)

const errDecrOverflow reply.UserError = "ERR decrement would overflow"

func stringNumberRows() []Spec {
	return []Spec{
		{Name: "incr", Summary: "Adds one to the integer a key holds, which is 0 for an absent key",
			Exec: Write(parseStep(1), runIncrBy)},
		{Name: "decr", Summary: "Takes one from the integer a key holds, which is 0 for an absent key",
			Exec: Write(parseStep(-1), runIncrBy)},
		{Name: "incrby", Summary: "Adds to the integer a key holds, which is 0 for an absent key",
			Exec: Write(parseIncrBy, runIncrBy)},
		{Name: "decrby", Summary: "Takes from the integer a key holds, which is 0 for an absent key",
			Exec: Write(parseDecrBy, runIncrBy)},
		{Name: "incrbyfloat", Summary: "Adds to the floating point number a key holds, which is 0 for an absent key",
			Exec: Write(raw, runIncrByFloat)},
	}
}

// incrArgs is a parsed INCR, DECR, INCRBY or DECRBY.
type incrArgs struct {
	key []byte
	by  int64
}

func parseStep(by int64) func([][]byte) (incrArgs, error) {
	return func(argv [][]byte) (incrArgs, error) { return incrArgs{key: argv[1], by: by}, nil }
}

func parseIncrBy(argv [][]byte) (incrArgs, error) {
	by, err := parseInt64(argv[2])
	return incrArgs{key: argv[1], by: by}, err
}

func parseDecrBy(argv [][]byte) (incrArgs, error) {
	p, err := parseIncrBy(argv)
	if err == nil && p.by == math.MinInt64 {
		err = errDecrOverflow
	}
	p.by = -p.by
	return p, err
}

func runIncrBy(env Env, t *storage.Txn, p incrArgs) (reply.Reply, error) {
	s, err := openString(env, t, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	var n int64
	if s.Live() {
		held, err := s.Bytes()
		if err == nil {
			n, err = parseInt64(held)
		}
		if err != nil {
			return reply.Reply{}, err
		}
	}
	n, ok := str.AddInt(n, p.by)
	if !ok {
		return reply.Reply{}, reply.ErrOverflow
	}
	return reply.Int(n), s.Replace(layout.AsSet, env.Version, strconv.AppendInt(nil, n, 10))
}

// runIncrByFloat looks at the increment only after it has looked at the key: of two errors, Redis tells that of the
// key.
func runIncrByFloat(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	s, err := openString(env, t, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	held := []byte("0")
	if s.Live() {
		if held, err = s.Bytes(); err != nil {
			return reply.Reply{}, err
		}
	}
	value, err := addFloat(held, argv[2])
	if err != nil {
		return reply.Reply{}, err
	}
	return reply.BulkBytes(value), s.Replace(layout.AsText, env.Version, value)
}

// addFloat returns the text of a+b as INCRBYFLOAT and HINCRBYFLOAT compute it.
func addFloat(a, b []byte) ([]byte, error) {
	x, okX := str.ParseFloat(a)
	y, okY := str.ParseFloat(b)
	if !okX || !okY {
		return nil, reply.ErrNotFloat
	}
	sum, ok := str.AddFloat(x, y)
	if !ok {
		return nil, reply.ErrNaN
	}
	return str.FormatFloat(sum), nil
}
