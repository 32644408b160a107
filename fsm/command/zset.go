package command

import (
	"math"
	"slices"
	"strconv"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/str"
	"cairn/storage/zset"
)

func zsetRows() []Spec {
	return slices.Concat(zsetAddRows(), zsetReadRows(), zsetRangeRows(), zsetRemoveRows(), zsetCombineRows(), zsetWalkRows(), geoRows())
}

// Which words of a call are members of a sorted set. Those of ZADD stand at the end: what options shift is looked up
// for nothing.
var (
	addedElement = &KeySpec{Index: 3, Step: 1}
	scored       = &KeySpec{Index: 3, Last: -1, Step: 2}
	located      = &KeySpec{Index: 4, Last: -1, Step: 3}
)

// maxAtOnce is how many members one call changes, merges or copies at most: all nodes wait for it, and its members are
// in memory. Redis has no such bound.
const maxAtOnce = 1 << 20

const errAtOnce reply.UserError = "ERR the call is about more than 1048576 members of sorted sets, ask for fewer at a time"

// openZset is zset.Open for a command that changes a sorted set: a key of another type is ErrWrongType.
func openZset(env Env, t *storage.Txn, key []byte) (*zset.Edit, error) {
	z, isZset, err := zset.Open(t, env.DB, key)
	if err == nil && !isZset {
		err = reply.ErrWrongType
	}
	return z, err
}

// readZset is zset.Lookup for a command that reads a sorted set: a key of another type is ErrWrongType.
func readZset(env Env, r storage.Reader, key []byte) (*zset.Set, error) {
	z, isZset, err := zset.Lookup(r, env.DB, key)
	if err == nil && !isZset {
		err = reply.ErrWrongType
	}
	return &z, err
}

// parseScore reads a score, an increment or a coordinate.
func parseScore(arg []byte) (float64, error) {
	score, ok := str.ParseDouble(arg)
	if !ok {
		return 0, reply.ErrNotFloat
	}
	return score, nil
}

// formatScore writes a score where it is a string whatever the protocol.
func formatScore(score float64) []byte {
	switch {
	case math.IsInf(score, 1):
		return []byte("inf")
	case math.IsInf(score, -1):
		return []byte("-inf")
	}
	return strconv.AppendFloat(nil, score, 'g', 17, 64)
}

// scoreOrNil answers with a score that is there, or not.
func scoreOrNil(score float64, ok bool) reply.Reply {
	if !ok {
		return reply.Nil()
	}
	return reply.DoubleOf(score)
}

// appendMembers appends members, and their scores if they are wanted, in turns.
func appendMembers(dst []reply.Reply, members []zset.Member, scores bool) []reply.Reply {
	for _, m := range members {
		if dst = append(dst, reply.BulkBytes(m.Name)); scores {
			dst = append(dst, reply.DoubleOf(m.Score))
		}
	}
	return dst
}

// membersReply answers with members, and their scores if they are wanted.
func membersReply(members []zset.Member, scores bool) reply.Reply {
	found := appendMembers(make([]reply.Reply, 0, 2*len(members)), members, scores)
	if scores {
		return reply.PairsOf(found...)
	}
	return reply.ArrayOf(found...)
}
