package command

import (
	"math"
	"strings"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/str"
)

func objectRows() []Spec {
	return []Spec{
		{Name: "object", Summary: "Tells how a value is kept",
			Subs: []Spec{
				{Name: "encoding", Summary: "Names the form in which Redis would keep the value", Exec: Read(raw, runObject(encodingOf))},
				{Name: "freq", Summary: "Tells how often a key is read, under an LFU policy, which there is none of",
					Exec: Read(raw, runObject(freqOf))},
				{Name: "help", Summary: "Lists the subcommands", Exec: Read(raw, runObjectHelp)},
				{Name: "idletime", Summary: "Tells how many seconds ago a key was last written; reads leave no mark",
					Exec: Read(raw, runObject(idleTimeOf))},
				{Name: "refcount", Summary: "Counts how often Redis would share such a value", Exec: Read(raw, runObject(refCountOf))},
			}},
	}
}

// runObject makes the run of a subcommand that asks about one key; an absent one has no answer.
func runObject(about func(Env, layout.Row) (reply.Reply, error)) func(Env, storage.Reader, [][]byte) (reply.Reply, error) {
	return func(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
		row, ok, err := keys.Lookup(r, env.DB, argv[2])
		if err != nil || !ok {
			return reply.Nil(), err
		}
		return about(env, row)
	}
}

// maxEmbedded is the longest string that Redis allocates together with its header.
const maxEmbedded = 44

// encodingOf answers by value and length, and by what the row says of how the value came to be.
func encodingOf(_ Env, row layout.Row) (reply.Reply, error) {
	_, isInt := intOf(row)
	switch {
	case isInt:
		return reply.BulkString("int"), nil
	case len(row.Payload) <= maxEmbedded && row.Encoding != layout.AsRaw:
		return reply.BulkString("embstr"), nil
	}
	return reply.BulkString("raw"), nil
}

// intOf returns the number of a string that Redis keeps as one.
func intOf(row layout.Row) (n int64, ok bool) {
	if row.Encoding != layout.AsSet {
		return 0, false
	}
	return str.ParseInt(row.Payload)
}

// sharedInts is how many small integers, from 0, Redis keeps once for all keys. They count math.MaxInt32 references.
const sharedInts = 10000

// refCountOf does not know which of them COPY made, which Redis keeps for each key.
func refCountOf(_ Env, row layout.Row) (reply.Reply, error) {
	if n, ok := intOf(row); ok && 0 <= n && n < sharedInts {
		return reply.Int(math.MaxInt32), nil
	}
	return reply.Int(1), nil
}

// idleTimeOf counts from the last write: a read cannot leave a mark, for it does not go through the log.
func idleTimeOf(env Env, row layout.Row) (reply.Reply, error) {
	return reply.Int(max(0, env.Now-row.WrittenAt) / 1000), nil
}

func freqOf(Env, layout.Row) (reply.Reply, error) {
	return reply.Reply{}, reply.UserError("ERR An LFU maxmemory policy is not selected, access frequency not tracked. " +
		"Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.")
}

const objectHelp = `OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
ENCODING <key>
    The form in which Redis would keep the value: int, embstr, raw and so on.
FREQ <key>
    An error: no policy of this server counts how often a key is read.
IDLETIME <key>
    How many seconds ago the key was written; reads do not count.
REFCOUNT <key>
    How many keys would share the value in Redis.
HELP
    These lines.`

func runObjectHelp(Env, storage.Reader, [][]byte) (reply.Reply, error) {
	return helpLines(objectHelp), nil
}

// helpLines answers a text line by line.
func helpLines(text string) reply.Reply {
	var lines []reply.Reply
	for line := range strings.Lines(text) {
		lines = append(lines, reply.Statusf(strings.TrimSuffix(line, "\n")))
	}
	return reply.ArrayOf(lines...)
}
