package command

import (
	"strconv"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/str"
)

const (
	errHashNotInteger reply.UserError = "ERR hash value is not an integer"
	errHashNotFloat   reply.UserError = "ERR hash value is not a float"
	errInfinite       reply.UserError = "ERR value is NaN or Infinity"
)

func hashNumberRows() []Spec {
	return []Spec{
		{Name: "hincrby", Parts: oneElement, Summary: "Adds to the integer that a field of a hash holds, which is 0 for an absent one",
			Exec: Write(parseHIncrBy, runHIncrBy)},
		{Name: "hincrbyfloat", Parts: oneElement, Summary: "Adds to the floating point number that a field of a hash holds, which is 0 for an absent one",
			Exec: Write(parseHIncrByFloat, runHIncrByFloat)},
	}
}

// hashIncrement is a parsed HINCRBY.
type hashIncrement struct {
	key, field []byte
	by         int64
}

func parseHIncrBy(argv [][]byte) (hashIncrement, error) {
	by, err := parseInt64(argv[3])
	return hashIncrement{argv[1], argv[2], by}, err
}

func runHIncrBy(env Env, t *storage.Txn, p hashIncrement) (reply.Reply, error) {
	sum := int64(0)
	err := changeField(env, t, p.key, p.field, func(old []byte) ([]byte, error) {
		n, ok := int64(0), true
		if old != nil {
			if n, ok = str.ParseInt(old); !ok {
				return nil, errHashNotInteger
			}
		}
		if sum, ok = str.AddInt(n, p.by); !ok {
			return nil, reply.ErrOverflow
		}
		return strconv.AppendInt(nil, sum, 10), nil
	})
	return reply.Int(sum), err
}

// parseHIncrByFloat looks at the increment before the key is looked at, unlike INCRBYFLOAT.
func parseHIncrByFloat(argv [][]byte) ([][]byte, error) {
	switch by, ok := str.ParseFloat(argv[3]); {
	case !ok:
		return nil, reply.ErrNotFloat
	case by.IsInf():
		return nil, errInfinite
	}
	return argv, nil
}

func runHIncrByFloat(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	var sum []byte
	err := changeField(env, t, argv[1], argv[2], func(old []byte) (_ []byte, err error) {
		if old == nil {
			old = []byte("0")
		}
		if sum, err = addFloat(old, argv[3]); err == reply.ErrNotFloat {
			err = errHashNotFloat
		}
		return sum, err
	})
	return reply.BulkBytes(sum), err
}

// changeField gives a field of a hash the value that change makes of its old one, which is nil when there is none.
func changeField(env Env, t *storage.Txn, key, field []byte, change func(old []byte) ([]byte, error)) error {
	h, err := openHash(env, t, key)
	if err != nil {
		return err
	}
	f, err := h.Item(field)
	if err != nil {
		return err
	}
	value, err := change(f.Value)
	if err != nil {
		return err
	}
	if err := h.SetField(&f, value); err != nil {
		return err
	}
	return h.Save(env.Version)
}
