package command

import (
	"bytes"
	"math"
	"strconv"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/zset"
)

func zsetWalkRows() []Spec {
	return []Spec{
		{Name: "zscan", Summary: "Lists the members of a sorted set with their scores step by step",
			Cost: "for a call with the default COUNT, O(N) for a whole iteration", Exec: Read(parseElementScan, runZScan)},
		{Name: "zrandmember", Summary: "Names some members of a sorted set, all with the same chance",
			Cost: "where N is the number of members that are named", Exec: Read(parseRandomPairs("WITHSCORES"), runZRandMember)},
	}
}

func runZScan(env Env, r storage.Reader, p elementScan) (reply.Reply, error) {
	z, err := readZset(env, r, p.argv[1])
	if err != nil || z.Len() == 0 {
		return scanned(0, nil), err
	}
	format := formatScore
	if isCompact(DefaultEncodings, z.Head) {
		format = formatWhole
	}
	var bad error
	answer, err := p.scan(z, z.Walk, func(found []reply.Reply, member, value []byte) []reply.Reply {
		score, err := zset.ScoreOf(value)
		if err != nil {
			bad = err
		}
		return append(found, reply.BulkBytes(bytes.Clone(member)), reply.BulkBytes(format(score)))
	})
	if err == nil {
		err = bad
	}
	return answer, err
}

// maxWhole is up to which size Redis keeps a score as an integer in a compact sorted set.
const maxWhole = 1 << 62

// formatWhole writes a score as ZSCAN does of what Redis keeps compact: whole ones in all their digits.
func formatWhole(score float64) []byte {
	if -maxWhole <= score && score <= maxWhole && score == math.Trunc(score) {
		return strconv.AppendInt(nil, int64(score), 10)
	}
	return formatScore(score)
}

func runZRandMember(env Env, r storage.Reader, p hashRandom) (reply.Reply, error) {
	z, err := readZset(env, r, p.key)
	switch {
	case err != nil:
		return reply.Reply{}, err
	case p.count < -maxRepeats:
		return reply.Reply{}, errRepeats
	case z.Len() == 0 || p.many && p.count == 0:
		return p.answer(nil), nil
	}
	n, again := uint64(1), p.count < 0
	if again {
		n = uint64(-p.count)
	} else if p.many {
		n = min(uint64(p.count), z.Len())
	}
	var found []zset.Member
	size := 0
	err = z.Random(n, again, elements.NewDice(env.Seed), func(m zset.Member) bool {
		found = append(found, m)
		size += 2*elemBytes + len(m.Name)
		return size <= maxReplyBytes
	})
	switch {
	case err != nil:
		return reply.Reply{}, err
	case size > maxReplyBytes:
		return reply.Reply{}, errLongReply
	case p.many:
		return membersReply(found, p.values), nil
	}
	return p.answer(appendMembers(nil, found, false)), nil
}
