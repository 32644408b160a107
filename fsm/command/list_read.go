package command

import (
	"bytes"
	"math"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/list"
)

func listReadRows() []Spec {
	return []Spec{
		{Name: "llen", Summary: "Counts the elements of a list", Exec: Read(raw, runLLen)},
		{Name: "lindex", Summary: "Returns an element by its index", Cost: "O(log N) where N is the length of the list",
			Exec: Read(raw, runLIndex)},
		{Name: "lrange", Summary: "Returns the elements of a range", Cost: "O(log N + M) where N is the length of the list and M that of the range",
			Exec: List(openLRange)},
		{Name: "lpos", Summary: "Returns the indexes of elements that are a text", Cost: "where N is the number of elements that are looked at",
			Exec: Read(parseLPos, runLPos)},
	}
}

func runLLen(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	l, err := readList(env, r, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	return reply.Int(int64(l.Entries())), nil
}

// runLIndex looks at the key before it looks at the index, as Redis does.
func runLIndex(env Env, r storage.Reader, argv [][]byte) (answer reply.Reply, err error) {
	l, err := readList(env, r, argv[1])
	if err != nil || l.Entries() == 0 {
		return reply.Nil(), err
	}
	index, err := parseInt64(argv[2])
	if err != nil {
		return reply.Reply{}, err
	}
	rank, ok := listIndex(index, l.Entries())
	if !ok {
		return reply.Nil(), nil
	}
	err = l.Walk(rank, func(entry []byte) (bool, error) {
		answer = reply.BulkBytes(bytes.Clone(entry))
		return false, nil
	})
	return answer, err
}

func openLRange(env Env, r storage.Reader, argv [][]byte) (Elements, error) {
	start, stop, err := parseRange(argv[2:])
	if err != nil {
		return Elements{}, err
	}
	l, err := readList(env, r, argv[1])
	if err != nil {
		return Elements{}, err
	}
	from, to := listRange(start, stop, l.Entries())
	return Elements{Kind: reply.Array, Len: int(to - from), Keep: true, Each: func(yield func(reply.Reply) error) error {
		if from == to {
			return nil
		}
		left := to - from
		return l.Walk(from, func(entry []byte) (bool, error) {
			left--
			return left > 0, yield(reply.BulkBytes(entry))
		})
	}}, nil
}

// position is a parsed LPOS.
type position struct {
	key, text []byte
	rank      int64 // which match is the first that counts; from the back when negative
	count     int64 // of the matches that are wanted; 0 is all
	many      bool  // it is counted
	most      int64 // how many elements are looked at; 0 is all
}

func parseLPos(argv [][]byte) (p position, err error) {
	p = position{key: argv[1], text: argv[2], rank: 1, count: 1}
	for args := argv[3:]; len(args) > 0; args = args[2:] {
		if len(args) == 1 {
			return p, reply.ErrSyntax
		}
		switch {
		case isWord(args[0], "RANK"):
			if p.rank, err = parseInt64(args[1]); err == nil && p.rank == 0 {
				err = errRankZero
			}
		case isWord(args[0], "COUNT"):
			p.many = true
			p.count, err = notNegative(args[1], "COUNT")
		case isWord(args[0], "MAXLEN"):
			p.most, err = notNegative(args[1], "MAXLEN")
		default:
			err = reply.ErrSyntax
		}
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

const errRankZero reply.UserError = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
	"or use negative to start from the end of the list"

// notNegative reads a number that is not negative; the error names it.
func notNegative(arg []byte, name string) (int64, error) {
	n, ok := parseInt64(arg)
	if ok != nil || n < 0 {
		return 0, reply.Errorf("ERR %s can't be negative", name)
	}
	return n, nil
}

func runLPos(env Env, r storage.Reader, p position) (reply.Reply, error) {
	l, err := readList(env, r, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	found, err := findPositions(&l, p)
	switch {
	case err != nil:
		return reply.Reply{}, err
	case p.many:
		return reply.ArrayOf(found...), nil
	case len(found) == 0:
		return reply.Nil(), nil
	}
	return found[0], nil
}

func findPositions(l *list.List, p position) (found []reply.Reply, err error) {
	if p.rank == math.MinInt64 { // its amount overflows in Redis: each match counts, and is answered
		if p.rank = -1; p.many {
			p.count = 0
		}
	}
	walk, from, index, step, skip := l.Walk, uint64(0), int64(0), int64(1), p.rank-1
	if p.rank < 0 {
		walk, from, index, step, skip = l.WalkBack, list.Last, int64(l.Entries())-1, -1, -p.rank-1
	}
	looked := int64(0)
	err = walk(from, func(entry []byte) (bool, error) {
		if bytes.Equal(entry, p.text) {
			if skip--; skip < 0 {
				found = append(found, reply.Int(index))
			}
		}
		if len(found)*elemBytes > maxReplyBytes {
			return false, errLongReply
		}
		index += step
		looked++
		return looked != p.most && (p.count == 0 || int64(len(found)) < p.count), nil
	})
	return found, err
}
