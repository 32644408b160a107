package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/hash"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/list"
	"cairn/storage/set"
	"cairn/storage/str"
	"cairn/storage/zset"
)

func memoryRows() []Spec {
	return []Spec{
		{Name: "memory", Summary: "Tells what keys cost",
			Subs: []Spec{
				{Name: "help", Summary: "Lists the subcommands", Exec: Read(raw, runMemoryHelp)},
				{Name: "usage", Summary: "Counts the bytes that the rows of a key have, which each node keeps on its disk and caches in its memory",
					Cost: "where N is the number of samples, of which only a large collection needs some", Exec: Read(parseMemoryUsage, runMemoryUsage)},
			}},
	}
}

// memoryUsage is a parsed MEMORY USAGE.
type memoryUsage struct {
	key     []byte
	samples int64 // how many elements of a collection in parts are looked at; 0 is all
}

// defaultSamples are Redis's.
const defaultSamples = 5

func parseMemoryUsage(argv [][]byte) (p memoryUsage, err error) {
	p = memoryUsage{argv[2], defaultSamples}
	for rest := argv[3:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 || !isWord(rest[0], "SAMPLES") {
			return p, reply.ErrSyntax
		}
		if p.samples, err = parseInt64(rest[1]); err != nil {
			return p, err
		}
		if p.samples < 0 {
			return p, reply.ErrSyntax
		}
	}
	return p, nil
}

func runMemoryUsage(env Env, r storage.Reader, p memoryUsage) (reply.Reply, error) {
	row, ok, err := keys.Peek(r, env.DB, p.key)
	if err != nil || !ok {
		return reply.Nil(), err
	}
	size := int64(keys.RowBytes(p.key, row))
	if row.Parts != 0 {
		parts, err := partBytes(env, r, row, p.samples)
		if err != nil {
			return reply.Reply{}, err
		}
		size += parts
	}
	return reply.Int(size), nil
}

// partBytes returns about how many bytes the parts of a value have: those of a string with pages that are not there,
// and of a collection the mean of some elements for all of them.
func partBytes(env Env, r storage.Reader, row layout.Row, samples int64) (int64, error) {
	var count uint64
	var walk func(fn func(name, value []byte) (bool, error)) error
	each := int64(layout.PartSize(nil) + layout.PartRowHead) // what an element takes beside its bytes
	switch row.Type {
	case layout.String:
		v, err := str.Of(r, env.DB, row)
		return int64(v.Length()), err
	case layout.Hash:
		h, err := hash.Of(r, env.DB, row)
		if err != nil {
			return 0, err
		}
		count, walk = h.Len(), h.Walk
	case layout.Set:
		s, err := set.Of(r, env.DB, row)
		if err != nil {
			return 0, err
		}
		count, walk = s.Len(), s.Walk
	case layout.SortedSet:
		z, err := zset.Of(r, env.DB, row)
		if err != nil {
			return 0, err
		}
		count, walk = z.Count, func(fn func(name, value []byte) (bool, error)) error {
			return z.WalkRanks(0, func(member []byte, _ float64) (bool, error) { return fn(member, member) }) // in the tree too
		}
	case layout.List:
		l, err := list.Of(r, env.DB, row)
		if err != nil {
			return 0, err
		}
		each, count = 1, l.Entries()
		walk = func(fn func(name, value []byte) (bool, error)) error {
			return l.Walk(0, func(entry []byte) (bool, error) { return fn(entry, nil) })
		}
	}
	looked, size := int64(0), int64(0)
	err := walk(func(name, value []byte) (bool, error) {
		looked++
		size += each + int64(len(name)+len(value))
		return looked != samples, nil
	})
	if err != nil || looked == 0 {
		return 0, err
	}
	return int64(float64(size) / float64(looked) * float64(count)), nil
}

func runMemoryHelp(Env, storage.Reader, [][]byte) (reply.Reply, error) {
	return helpLines(memoryHelp), nil
}

const memoryHelp = `MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
USAGE <key> [SAMPLES <count>]
    How many bytes the rows of a key have, before they are compressed; of a large
    collection so many elements are looked at (5; 0 is all), and the rest is taken
    to be like them.
HELP
    These lines.`
