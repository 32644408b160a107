package command

import (
	"bytes"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/str"
	"cairn/storage/zset"
)

func zsetRangeRows() []Spec {
	const cost = "where N is the number of members, and M that of those that are returned"
	return []Spec{
		{Name: "zrange", Summary: "Returns the members of a sorted set in a range of ranks, scores or texts",
			Cost: cost, Exec: List(zsetRanged(byAny, false))},
		{Name: "zrevrange", Summary: "Returns the members of a sorted set in a range of ranks, the highest score first",
			Cost: cost, Exec: List(zsetRanged(byRank, true))},
		{Name: "zrangebyscore", Summary: "Returns the members of a sorted set in a range of scores",
			Cost: cost, Exec: List(zsetRanged(byScore, false))},
		{Name: "zrevrangebyscore", Summary: "Returns the members of a sorted set in a range of scores, the highest first",
			Cost: cost, Exec: List(zsetRanged(byScore, true))},
		{Name: "zrangebylex", Summary: "Returns the members of a sorted set between two texts, when all have one score",
			Cost: cost, Exec: List(zsetRanged(byLex, false))},
		{Name: "zrevrangebylex", Summary: "Returns the members of a sorted set between two texts, the highest first, when all have one score",
			Cost: cost, Exec: List(zsetRanged(byLex, true))},
		{Name: "zrangestore", Summary: "Makes a sorted set of the members of another in a range of ranks, scores or texts",
			Cost: "where N is the number of members, and M that of those that are stored", Exec: Write(parseRangeStore, runRangeStore)},
	}
}

// rangeKind is by what members are asked for.
type rangeKind uint8

const (
	byAny   rangeKind = iota // an option says by what; by rank when there is none
	byRank                   // by their ranks
	byScore                  // by their scores
	byLex                    // by their texts
)

// zsetRange is a parsed range of a sorted set.
type zsetRange struct {
	key    []byte
	kind   rangeKind
	back   bool // the highest first
	scores bool // they are wanted too

	start, stop   int64 // by rank
	low, high     scoreEnd
	first, last   zset.Text
	offset, limit int64 // limit is negative for none
}

// scoreEnd is an end of a range of scores.
type scoreEnd struct {
	score     float64
	exclusive bool
}

const (
	errRangeLimit  reply.UserError = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
	errRangeScores reply.UserError = "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
	errScoreEnds   reply.UserError = "ERR min or max is not a float"
	errTextEnds    reply.UserError = "ERR min or max not valid string range item"
)

// parseZRange reads a range whose key is the first of args. Options that the command itself has decided are none.
func parseZRange(args [][]byte, kind rangeKind, back, store bool) (zsetRange, error) {
	p := zsetRange{key: args[0], kind: kind, back: back, limit: -1}
	for rest := args[3:]; len(rest) > 0; rest = rest[1:] {
		switch option := rest[0]; {
		case !store && isWord(option, "WITHSCORES"):
			p.scores = true
		case isWord(option, "LIMIT") && len(rest) > 2:
			var err error
			if p.offset, err = parseInt64(rest[1]); err == nil {
				p.limit, err = parseInt64(rest[2])
			}
			if err != nil {
				return p, err
			}
			rest = rest[2:]
		case kind == byAny && isWord(option, "REV") && !p.back:
			p.back = true
		case p.kind == byAny && isWord(option, "BYLEX"):
			p.kind = byLex
		case p.kind == byAny && isWord(option, "BYSCORE"):
			p.kind = byScore
		default:
			return p, reply.ErrSyntax
		}
	}
	if p.kind == byAny {
		p.kind = byRank
	}
	if p.kind == byRank && p.limit == -1 {
		p.offset = 0 // as Redis, which takes a LIMIT without a limit for none
	}
	switch {
	case p.limit != -1 && p.kind == byRank:
		return p, errRangeLimit
	case p.scores && p.kind == byLex:
		return p, errRangeScores
	case p.back && p.kind != byRank:
		return p, p.ends(args[2], args[1])
	}
	return p, p.ends(args[1], args[2])
}

// ends reads the lower and the upper end of the range.
func (p *zsetRange) ends(low, high []byte) (err error) {
	ok := true
	switch p.kind {
	case byScore:
		if p.low, ok = parseScoreEnd(low); ok {
			p.high, ok = parseScoreEnd(high)
		}
		if !ok {
			return errScoreEnds
		}
	case byLex:
		if p.first, ok = parseTextEnd(low); ok {
			p.last, ok = parseTextEnd(high)
		}
		if !ok {
			return errTextEnds
		}
	default:
		p.start, p.stop, err = parseRange([][]byte{low, high})
	}
	return err
}

func parseScoreEnd(arg []byte) (end scoreEnd, ok bool) {
	if end.exclusive = len(arg) > 0 && arg[0] == '('; end.exclusive {
		arg = arg[1:]
	}
	end.score, ok = str.ParseBound(arg)
	return end, ok
}

// parseTextEnd reads an end of a range of texts. Redis does not look behind a zero byte that follows a + or a -.
func parseTextEnd(arg []byte) (end zset.Text, ok bool) {
	if len(arg) == 0 {
		return end, false
	}
	alone := len(arg) == 1 || arg[1] == 0
	switch arg[0] {
	case '-':
		return zset.Text{Infinite: -1}, alone
	case '+':
		return zset.Text{Infinite: 1}, alone
	case '(', '[':
		return zset.Text{Text: arg[1:], Exclusive: arg[0] == '('}, true
	}
	return end, false
}

// ranks returns the range as ranks [from, to), what LIMIT leaves of it.
func (p *zsetRange) ranks(z *zset.Set) (from, to uint64, err error) {
	switch p.kind {
	case byScore:
		if from, err = z.Below(p.low.score, p.low.exclusive); err == nil {
			to, err = z.Below(p.high.score, !p.high.exclusive)
		}
	case byLex:
		from, to, err = z.Texts(p.first, p.last, p.back)
	default:
		from, to = listRange(p.start, p.stop, z.Len())
		if p.back {
			from, to = z.Len()-to, z.Len()-from
		}
	}
	if from >= to || p.offset < 0 {
		return 0, 0, err
	}
	skip := min(uint64(p.offset), to-from)
	left := to - from - skip
	if p.limit >= 0 {
		left = min(left, uint64(p.limit))
	}
	if p.back {
		to -= skip
		return to - left, to, err
	}
	from += skip
	return from, from + left, err
}

// walk calls fn for the members in ranks [from, to), in the order that was asked for, until fn fails.
func (p *zsetRange) walk(z *zset.Set, from, to uint64, fn func(member []byte, score float64) error) error {
	left := to - from
	if left == 0 {
		return nil
	}
	take := func(member []byte, score float64) (bool, error) {
		left--
		return left > 0, fn(member, score)
	}
	if p.back {
		return z.WalkRanksBack(to-1, take)
	}
	return z.WalkRanks(from, take)
}

// zsetRanged makes what a command answers that returns a range.
func zsetRanged(kind rangeKind, back bool) func(env Env, r storage.Reader, argv [][]byte) (Elements, error) {
	return func(env Env, r storage.Reader, argv [][]byte) (Elements, error) {
		p, err := parseZRange(argv[1:], kind, back, false)
		if err != nil {
			return Elements{}, err
		}
		z, err := readZset(env, r, p.key)
		if err != nil {
			return Elements{}, err
		}
		from, to, err := p.ranks(z)
		if err != nil {
			return Elements{}, err
		}
		found := Elements{Kind: reply.Array, Len: int(to - from)}
		if p.scores {
			found.Kind, found.Len = reply.Pairs, 2*found.Len
		}
		found.Each = func(yield func(reply.Reply) error) error {
			return p.walk(z, from, to, func(member []byte, score float64) error {
				if err := yield(reply.BulkBytes(member)); err != nil || !p.scores {
					return err
				}
				return yield(reply.DoubleOf(score))
			})
		}
		return found, nil
	}
}

// rangeStore is a parsed ZRANGESTORE.
type rangeStore struct {
	zsetRange
	into []byte
}

func parseRangeStore(argv [][]byte) (p rangeStore, err error) {
	p.into = argv[1]
	p.zsetRange, err = parseZRange(argv[2:], byAny, false, true)
	return p, err
}

func runRangeStore(env Env, t *storage.Txn, p rangeStore) (reply.Reply, error) {
	z, err := readZset(env, t, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	from, to, err := p.ranks(z)
	if err != nil {
		return reply.Reply{}, err
	}
	members, err := p.members(z, from, to)
	if err != nil {
		return reply.Reply{}, err
	}
	return reply.Int(int64(len(members))), zset.Replace(t, env.DB, p.into, members, env.Version)
}

// members returns the members in ranks [from, to); errAtOnce when they are too many.
func (p *zsetRange) members(z *zset.Set, from, to uint64) (members []zset.Member, err error) {
	if to-from > maxAtOnce {
		return nil, errAtOnce
	}
	members = make([]zset.Member, 0, to-from)
	size := 0
	err = p.walk(z, from, to, func(member []byte, score float64) error {
		if size += elemBytes + len(member); size > maxReplyBytes {
			return errAtOnce
		}
		members = append(members, zset.Member{Name: bytes.Clone(member), Score: score})
		return nil
	})
	return members, err
}
