package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/str"
)

func memoryRows() []Spec {
	return []Spec{
		{Name: "memory", Summary: "Tells what keys cost",
			Subs: []Spec{
				{Name: "help", Summary: "Lists the subcommands", Exec: Read(raw, runMemoryHelp)},
				{Name: "usage", Summary: "Counts the bytes that the rows of a key have, which each node keeps on its disk and caches in its memory",
					Cost: "where N is the number of samples, of which a string needs none", Exec: Read(parseMemoryUsage, runMemoryUsage)},
			}},
	}
}

// parseMemoryUsage returns the key. What SAMPLES says is checked and not needed: the rows know their length.
func parseMemoryUsage(argv [][]byte) (key []byte, err error) {
	for rest := argv[3:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 || !isWord(rest[0], "SAMPLES") {
			return nil, reply.ErrSyntax
		}
		n, err := parseInt64(rest[1])
		if err != nil {
			return nil, err
		}
		if n < 0 {
			return nil, reply.ErrSyntax
		}
	}
	return argv[2], nil
}

func runMemoryUsage(env Env, r storage.Reader, key []byte) (reply.Reply, error) {
	row, ok, err := keys.Peek(r, env.DB, key)
	if err != nil || !ok {
		return reply.Nil(), err
	}
	size := keys.RowBytes(key, row)
	if row.Type == layout.String && row.Parts != 0 {
		v, err := str.Of(r, env.DB, row)
		if err != nil {
			return reply.Reply{}, err
		}
		size += v.Length() // without its pages' heads, and with those that are not there
	}
	return reply.Int(int64(size)), nil
}

func runMemoryHelp(Env, storage.Reader, [][]byte) (reply.Reply, error) {
	return helpLines(memoryHelp), nil
}

const memoryHelp = `MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
USAGE <key> [SAMPLES <count>]
    How many bytes the rows of a key have, before they are compressed; nothing is
    sampled.
HELP
    These lines.`
