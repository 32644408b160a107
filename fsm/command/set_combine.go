package command

import (
	"math"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/set"
	"cairn/storage/str"
)

func setCombineRows() []Spec {
	const all, smallest = "where N is the number of members of all sets", "where N is the number of members of the smallest set, and M that of the sets"
	return []Spec{
		{Name: "sinter", Summary: "Returns the members that all sets have", Cost: smallest, Exec: List(combined(set.Inter))},
		{Name: "sunion", Summary: "Returns the members of all sets", Cost: all, Exec: List(combined(set.Union))},
		{Name: "sdiff", Summary: "Returns the members of the first set that no other has", Cost: all, Exec: List(combined(set.Diff))},
		{Name: "sinterstore", Summary: "Makes a set of the members that all sets have, and counts them", Cost: smallest,
			Exec: Write(raw, storeCombined(set.Inter, setBounds()))},
		{Name: "sunionstore", Summary: "Makes a set of the members of all sets, and counts them", Cost: all,
			Exec: Write(raw, storeCombined(set.Union, setBounds()))},
		{Name: "sdiffstore", Summary: "Makes a set of the members of the first set that no other has, and counts them", Cost: all,
			Exec: Write(raw, storeCombined(set.Diff, setBounds()))},
		{Name: "sintercard", Summary: "Counts the members that all sets have", Cost: smallest, Exec: Read(parseSInterCard, runSInterCard)},
	}
}

// readSets reads the sets at keys. Small ones are in memory then, of which there may be a million.
func readSets(env Env, r storage.Reader, keys [][]byte) ([]set.Set, error) {
	sets, size := make([]set.Set, len(keys)), 0
	for i, key := range keys {
		s, err := readSet(env, r, key)
		if err != nil {
			return nil, err
		}
		if size += s.RowBytes(); size > maxReplyBytes {
			return nil, errManySets
		}
		sets[i] = s
	}
	return sets, nil
}

const errManySets reply.UserError = "ERR the sets take more than 256 MiB, name fewer of them at a time"

// slowWork is how many members may be passed while other reads wait.
const slowWork = 1 << 16

// combined makes what SINTER, SUNION and SDIFF answer.
func combined(op set.Op) func(env Env, r storage.Reader, argv [][]byte) (Elements, error) {
	return func(env Env, r storage.Reader, argv [][]byte) (Elements, error) {
		sets, err := readSets(env, r, argv[1:])
		if err != nil {
			return Elements{}, err
		}
		found := setElements(set.Combine(op, sets))
		found.Slow = set.Work(op, sets) > slowWork
		return found, nil
	}
}

// storeBounds is what a STORE may do. It runs inside the log, where all other writes wait for it.
type storeBounds struct {
	work  uint64 // members that are passed
	bytes int    // that are gathered
}

func setBounds() storeBounds { return storeBounds{1 << 24, 128 << 20} }

const (
	errStoreWork  reply.UserError = "ERR more than 16777216 members would have to be looked at, which a command that stores does not"
	errStoreBytes reply.UserError = "ERR the result would take more than 128 MiB, which is too much for a command that stores"
)

// storeCombined makes the run of SINTERSTORE, SUNIONSTORE and SDIFFSTORE.
func storeCombined(op set.Op, most storeBounds) func(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	return func(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
		sets, err := readSets(env, t, argv[2:])
		if err != nil {
			return reply.Reply{}, err
		}
		if set.Work(op, sets) > most.work {
			return reply.Reply{}, errStoreWork
		}
		found, err := members(set.Combine(op, sets), most.bytes, errStoreBytes)
		if err != nil {
			return reply.Reply{}, err
		}
		to, _, err := set.Open(t, env.DB, argv[1])
		if err != nil {
			return reply.Reply{}, err
		}
		to.Clear()
		if op == set.Diff && len(found) > 0 && removesOthers(sets) {
			if err := to.RememberAll(&sets[0]); err != nil {
				return reply.Reply{}, err
			}
		}
		for _, member := range found {
			if err := to.IncludeNew(member); err != nil {
				return reply.Reply{}, err
			}
		}
		return reply.Int(int64(len(found))), to.Save(env.Version)
	}
}

// removesOthers reports whether Redis makes a difference by removing the others' members from a copy of the first set,
// which then knows what it once had.
func removesOthers(sets []set.Set) bool {
	one, two := uint64(0), uint64(0)
	for i := range sets {
		if n := sets[i].Len(); n > 0 {
			one, two = one+sets[0].Len(), two+n
		}
	}
	return one/2 > two
}

// interCard is a parsed SINTERCARD.
type interCard struct {
	keys  [][]byte
	limit uint64 // 0 is none
}

func parseSInterCard(argv [][]byte) (p interCard, err error) {
	n, ok := str.ParseInt(argv[1])
	switch {
	case !ok || n < 1:
		return p, reply.UserError("ERR numkeys should be greater than 0")
	case n > int64(len(argv)-2):
		return p, reply.UserError("ERR Number of keys can't be greater than number of args")
	}
	p.keys = argv[2 : 2+n]
	for rest := argv[2+n:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 || !isWord(rest[0], "LIMIT") {
			return p, reply.ErrSyntax
		}
		limit, ok := str.ParseInt(rest[1])
		if !ok || limit < 0 {
			return p, reply.UserError("ERR LIMIT can't be negative")
		}
		p.limit = uint64(limit)
	}
	return p, nil
}

func runSInterCard(env Env, r storage.Reader, p interCard) (reply.Reply, error) {
	sets, err := readSets(env, r, p.keys)
	if err != nil {
		return reply.Reply{}, err
	}
	n, most := uint64(0), p.limit
	if most == 0 {
		most = math.MaxUint64
	}
	err = set.Combine(set.Inter, sets)(func([]byte) (bool, error) {
		n++
		return n < most, nil
	})
	return reply.Int(int64(n)), err
}
