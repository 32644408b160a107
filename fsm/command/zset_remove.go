package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/zset"
)

func zsetRemoveRows() []Spec {
	const cost = "where N is the number of members, and M that of those that are removed"
	return []Spec{
		{Name: "zremrangebyrank", Summary: "Removes the members of a sorted set in a range of ranks",
			Cost: cost, Exec: Write(parseEnds(byRank), runZRemRange)},
		{Name: "zremrangebyscore", Summary: "Removes the members of a sorted set in a range of scores",
			Cost: cost, Exec: Write(parseEnds(byScore), runZRemRange)},
		{Name: "zremrangebylex", Summary: "Removes the members of a sorted set between two texts, when all have one score",
			Cost: cost, Exec: Write(parseEnds(byLex), runZRemRange)},
		{Name: "zpopmin", Summary: "Removes and returns the members of a sorted set with the lowest scores",
			Cost: cost, Exec: Write(parseZPop(false), runZPop)},
		{Name: "zpopmax", Summary: "Removes and returns the members of a sorted set with the highest scores",
			Cost: cost, Exec: Write(parseZPop(true), runZPop)},
		{Name: "zmpop", Summary: "Removes and returns members of the first of several sorted sets that is there",
			Cost: "where K is the number of keys, N the number of members, and M that of those that are removed", Exec: Write(parseZMPop, runZMPop)},
	}
}

func runZRemRange(env Env, t *storage.Txn, p zsetRange) (reply.Reply, error) {
	z, err := openZset(env, t, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	from, to, err := p.ranks(&z.Set)
	if err != nil || from == to {
		return reply.Int(0), err
	}
	if to-from > maxAtOnce && to-from < z.Len() {
		return reply.Reply{}, errAtOnce
	}
	if err := z.RemoveRanks(from, to); err != nil {
		return reply.Reply{}, err
	}
	return reply.Int(int64(to - from)), z.Save(env.Version)
}

// zsetPop is a parsed ZPOPMIN, ZPOPMAX or ZMPOP.
type zsetPop struct {
	keys    [][]byte
	max     bool
	count   int64
	counted bool
}

func parseZPop(highest bool) func(argv [][]byte) (zsetPop, error) {
	return func(argv [][]byte) (zsetPop, error) {
		p, err := zsetPop{keys: argv[1:2], max: highest, count: 1, counted: len(argv) == 3}, error(nil)
		switch {
		case len(argv) > 3:
			return p, reply.ErrSyntax
		case p.counted:
			p.count, err = parsePositive(argv[2])
		}
		return p, err
	}
}

func parseZMPop(argv [][]byte) (zsetPop, error) {
	p := zsetPop{count: 1}
	n, err := parseCount(argv[1], "numkeys")
	if err != nil {
		return p, err
	}
	if n >= int64(len(argv))-2 {
		return p, reply.ErrSyntax
	}
	p.keys = argv[2 : 2+n]
	rest := argv[2+n:]
	switch {
	case isWord(rest[0], "MIN"):
	case isWord(rest[0], "MAX"):
		p.max = true
	default:
		return p, reply.ErrSyntax
	}
	for rest = rest[1:]; len(rest) > 0; rest = rest[2:] {
		if p.counted || len(rest) < 2 || !isWord(rest[0], "COUNT") {
			return p, reply.ErrSyntax
		}
		if p.count, err = parseCount(rest[1], "count"); err != nil {
			return p, err
		}
		p.counted = true
	}
	return p, nil
}

func runZPop(env Env, t *storage.Txn, p zsetPop) (reply.Reply, error) {
	_, members, err := p.pop(env, t)
	if err != nil {
		return reply.Reply{}, err
	}
	if p.counted && len(members) > 0 {
		return membersReply(members, true), nil
	}
	return reply.ArrayOf(appendMembers(nil, members, true)...), nil
}

func runZMPop(env Env, t *storage.Txn, p zsetPop) (reply.Reply, error) {
	key, members, err := p.pop(env, t)
	if err != nil {
		return reply.Reply{}, err
	}
	if len(members) == 0 {
		return reply.NilArray(), nil
	}
	pairs := make([]reply.Reply, 0, len(members))
	for _, m := range members {
		pairs = append(pairs, reply.ArrayOf(reply.BulkBytes(m.Name), reply.DoubleOf(m.Score)))
	}
	return reply.ArrayOf(reply.BulkBytes(key), reply.ArrayOf(pairs...)), nil
}

// pop removes members from the first of the sorted sets that is there, and returns them.
func (p *zsetPop) pop(env Env, t *storage.Txn) (key []byte, members []zset.Member, err error) {
	for _, key := range p.keys {
		z, err := openZset(env, t, key)
		if err != nil {
			return nil, nil, err
		}
		n := min(uint64(p.count), z.Len())
		if z.Len() == 0 {
			continue
		}
		of := zsetRange{back: p.max}
		from, to := uint64(0), n
		if p.max {
			from, to = z.Len()-n, z.Len()
		}
		if members, err = of.members(&z.Set, from, to); err != nil || n == 0 {
			return nil, nil, err
		}
		if err := z.RemoveRanks(from, to); err != nil {
			return nil, nil, err
		}
		return key, members, z.Save(env.Version)
	}
	return nil, nil, nil
}
