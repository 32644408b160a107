package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
)

func zsetReadRows() []Spec {
	return []Spec{
		{Name: "zscore", Summary: "Returns the score of a member of a sorted set", Exec: Read(raw, runZScore)},
		{Name: "zmscore", Summary: "Returns the scores of members of a sorted set",
			Cost: "where N is the number of members that are asked for", Exec: Read(raw, runZMScore)},
		{Name: "zcard", Summary: "Counts the members of a sorted set", Exec: Read(raw, runZCard)},
		{Name: "zcount", Summary: "Counts the members of a sorted set whose scores are in a range",
			Cost: "where N is the number of members", Exec: Read(parseEnds(byScore), runZCount)},
		{Name: "zlexcount", Summary: "Counts the members of a sorted set that are between two texts, when all have one score",
			Cost: "where N is the number of members", Exec: Read(parseEnds(byLex), runZCount)},
		{Name: "zrank", Summary: "Counts the members of a sorted set before one",
			Cost: "where N is the number of members", Exec: Read(raw, runZRank(false))},
		{Name: "zrevrank", Summary: "Counts the members of a sorted set behind one",
			Cost: "where N is the number of members", Exec: Read(raw, runZRank(true))},
	}
}

func runZScore(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	z, err := readZset(env, r, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	score, ok, err := z.Score(argv[2])
	return scoreOrNil(score, ok), err
}

func runZMScore(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	z, err := readZset(env, r, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	scores := make([]reply.Reply, 0, len(argv)-2)
	for _, member := range argv[2:] {
		score, ok, err := z.Score(member)
		if err != nil {
			return reply.Reply{}, err
		}
		scores = append(scores, scoreOrNil(score, ok))
	}
	return reply.ArrayOf(scores...), nil
}

func runZCard(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	z, err := readZset(env, r, argv[1])
	return reply.Int(int64(z.Len())), err
}

// parseEnds returns the parse of a call whose third and fourth word are the ends of a range.
func parseEnds(kind rangeKind) func(argv [][]byte) (zsetRange, error) {
	return func(argv [][]byte) (zsetRange, error) {
		p := zsetRange{key: argv[1], kind: kind, limit: -1}
		return p, p.ends(argv[2], argv[3])
	}
}

func runZCount(env Env, r storage.Reader, p zsetRange) (reply.Reply, error) {
	z, err := readZset(env, r, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	from, to, err := p.ranks(z)
	return reply.Int(int64(to - from)), err
}

func runZRank(back bool) func(Env, storage.Reader, [][]byte) (reply.Reply, error) {
	return func(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
		z, err := readZset(env, r, argv[1])
		if err != nil {
			return reply.Reply{}, err
		}
		rank, ok, err := z.RankOf(argv[2])
		if err != nil || !ok {
			return reply.Nil(), err
		}
		if back {
			rank = z.Len() - 1 - rank
		}
		return reply.Int(int64(rank)), nil
	}
}
