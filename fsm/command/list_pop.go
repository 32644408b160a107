package command

import (
	"bytes"
	"math"
	"slices"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/list"
)

func listPopRows() []Spec {
	return []Spec{
		{Name: "lpop", Summary: "Removes elements from the front of a list and answers them",
			Cost: "where N is the number of elements", Exec: Write(parsePop("lpop"), runPop(false))},
		{Name: "rpop", Summary: "Removes elements from the back of a list and answers them, the last one first",
			Cost: "where N is the number of elements", Exec: Write(parsePop("rpop"), runPop(true))},
		{Name: "lmpop", Summary: "Removes elements from an end of the first of some lists that has any",
			Cost: "O(N+M) where N is the number of keys and M that of the elements", Exec: Write(parseLMPop, runLMPop)},
		{Name: "lrem", Summary: "Removes elements that are a text, so many from the front or the back, and counts them",
			Cost: "where N is the length of the list and M the number of elements that are removed", Exec: Write(parseLRem, runLRem)},
		{Name: "ltrim", Summary: "Removes all elements but those of a range", Cost: "where N is the number of elements that are removed",
			Exec: Write(parseLTrim, runLTrim)},
	}
}

const errNotPositive reply.UserError = "ERR value is out of range, must be positive"

// popping is a parsed LPOP or RPOP.
type popping struct {
	key   []byte
	count int64
	many  bool // it is counted
}

func parsePop(name string) func([][]byte) (popping, error) {
	return func(argv [][]byte) (p popping, err error) {
		p = popping{key: argv[1], count: 1, many: len(argv) == 3}
		if len(argv) > 3 {
			return p, reply.WrongArity(name)
		}
		if p.many {
			p.count, err = parsePositive(argv[2])
		}
		return p, err
	}
}

// parsePositive reads a number that is not negative.
func parsePositive(arg []byte) (n int64, err error) {
	if n, err = parseInt64(arg); err != nil || n < 0 {
		return 0, errNotPositive
	}
	return n, nil
}

func runPop(back bool) func(Env, *storage.Txn, popping) (reply.Reply, error) {
	return func(env Env, t *storage.Txn, p popping) (reply.Reply, error) {
		l, err := openList(env, t, p.key)
		switch {
		case err != nil:
			return reply.Reply{}, err
		case l.Entries() == 0 && p.many:
			return reply.NilArray(), nil
		case l.Entries() == 0:
			return reply.Nil(), nil
		case p.count == 0:
			return reply.ArrayOf(), nil
		}
		popped, err := popElements(l, back, p.count)
		switch {
		case err != nil:
			return reply.Reply{}, err
		case p.many:
			return reply.ArrayOf(popped...), l.Save(env.Version)
		}
		return popped[0], l.Save(env.Version)
	}
}

// popElements removes up to count elements from an end of a list that has some.
func popElements(l *list.Edit, back bool, count int64) (popped []reply.Reply, err error) {
	n := min(uint64(count), l.Entries())
	walk, from, rest := l.Walk, uint64(0), uint64(0)
	if back {
		from, rest = l.Entries()-n, l.Entries()-n
	}
	if back && n > 1 { // one alone is the same either way
		walk, from = l.WalkBack, list.Last
	}
	size := 0
	err = walk(from, func(entry []byte) (bool, error) {
		if size += elemBytes + len(entry); size > maxReplyBytes {
			return false, errLongReply
		}
		popped = append(popped, reply.BulkBytes(bytes.Clone(entry)))
		return uint64(len(popped)) < n, nil
	})
	if err != nil {
		return nil, err
	}
	return popped, l.RemoveRange(rest, rest+n)
}

// poppingMany is a parsed LMPOP.
type poppingMany struct {
	keys  [][]byte
	back  bool
	count int64
}

func parseLMPop(argv [][]byte) (p poppingMany, err error) {
	n, err := parseCount(argv[1], "numkeys")
	if err != nil {
		return p, err
	}
	if n > int64(len(argv)-3) {
		return p, reply.ErrSyntax
	}
	p.keys, p.count = argv[2:2+n], 1
	if p.back, err = isBack(argv[2+n]); err != nil {
		return p, err
	}
	rest := argv[3+n:]
	if len(rest) >= 2 && isWord(rest[0], "COUNT") {
		if p.count, err = parseCount(rest[1], "count"); err != nil {
			return p, err
		}
		rest = rest[2:]
	}
	if len(rest) > 0 {
		err = reply.ErrSyntax
	}
	return p, err
}

// parseCount reads a number above 0; the error names it.
func parseCount(arg []byte, name string) (int64, error) {
	n, err := parseInt64(arg)
	if err != nil || n <= 0 {
		return 0, reply.Errorf("ERR %s should be greater than 0", name)
	}
	return n, nil
}

func runLMPop(env Env, t *storage.Txn, p poppingMany) (reply.Reply, error) {
	for _, key := range p.keys {
		l, err := openList(env, t, key)
		if err != nil {
			return reply.Reply{}, err
		}
		if l.Entries() == 0 {
			continue
		}
		popped, err := popElements(l, p.back, p.count)
		if err != nil {
			return reply.Reply{}, err
		}
		return reply.ArrayOf(reply.BulkBytes(key), reply.ArrayOf(popped...)), l.Save(env.Version)
	}
	return reply.NilArray(), nil
}

// removal is a parsed LREM.
type removal struct {
	key, text []byte
	count     int64 // from the back when negative; 0 is all
}

func parseLRem(argv [][]byte) (p removal, err error) {
	p.key, p.text = argv[1], argv[3]
	p.count, err = parseInt64(argv[2])
	return p, err
}

func runLRem(env Env, t *storage.Txn, p removal) (reply.Reply, error) {
	l, err := openList(env, t, p.key)
	if err != nil || l.Entries() == 0 {
		return reply.Int(0), err
	}
	most, back := uint64(p.count), p.count < 0
	switch {
	case back:
		most = -most
	case p.count == 0:
		most = math.MaxUint64
	}
	removed, err := removeEqual(l, p.text, most, back)
	if err != nil || removed == 0 {
		return reply.Int(0), err
	}
	return reply.Int(int64(removed)), l.Save(env.Version)
}

// removePage is how many elements LREM looks up before it removes them.
const removePage = 1024

// removeEqual removes up to most elements that are text, seen from the front or the back.
func removeEqual(l *list.Edit, text []byte, most uint64, back bool) (removed uint64, err error) {
	next := uint64(0) // the rank to go on with
	if back {
		next = l.Entries() - 1
	}
	for removed < most {
		var ranks []uint64 // of those to remove, in the order in which they are met
		rank := next
		look := func(entry []byte) (bool, error) {
			if bytes.Equal(entry, text) {
				ranks = append(ranks, rank)
			}
			if back {
				rank--
			} else {
				rank++
			}
			return len(ranks) < removePage && removed+uint64(len(ranks)) < most, nil
		}
		if walk := l.Walk; back {
			err = l.WalkBack(next, look)
		} else {
			err = walk(next, look)
		}
		if err != nil || len(ranks) == 0 {
			return removed, err
		}
		next = ranks[len(ranks)-1]
		if !back {
			next -= uint64(len(ranks)) - 1
			slices.Reverse(ranks) // from the back, so that the ranks before stay
		}
		for _, rank := range ranks {
			if err := l.RemoveRange(rank, rank+1); err != nil {
				return removed, err
			}
		}
		removed += uint64(len(ranks))
		if back {
			if next == 0 {
				break
			}
			next--
		}
	}
	return removed, nil
}

// trimming is a parsed LTRIM.
type trimming struct {
	key         []byte
	start, stop int64
}

func parseLTrim(argv [][]byte) (p trimming, err error) {
	p.key = argv[1]
	p.start, p.stop, err = parseRange(argv[2:])
	return p, err
}

func runLTrim(env Env, t *storage.Txn, p trimming) (reply.Reply, error) {
	l, err := openList(env, t, p.key)
	if err != nil || l.Entries() == 0 {
		return reply.OK(), err
	}
	from, to := listRange(p.start, p.stop, l.Entries())
	if err := l.RemoveRange(to, l.Entries()); err != nil {
		return reply.Reply{}, err
	}
	if err := l.RemoveRange(0, from); err != nil {
		return reply.Reply{}, err
	}
	return reply.OK(), l.Save(env.Version)
}
