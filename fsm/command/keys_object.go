package command

import (
	"math"
	"strconv"
	"strings"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/hash"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/set"
	"cairn/storage/str"
	"cairn/storage/zset"
)

func objectRows() []Spec {
	return []Spec{
		{Name: "object", Summary: "Tells how a value is kept",
			Subs: []Spec{
				{Name: "encoding", Summary: "Names the form in which Redis would keep such a value", Exec: Read(raw, runObject(encodingOf(DefaultEncodings)))},
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

// Encodings are the settings that say up to which size Redis would keep a collection in its compact form. They say
// nothing of how it is kept here.
type Encodings struct{ HashEntries, HashValue, SetEntries, ZsetEntries, ZsetValue int64 }

// DefaultEncodings are Redis's defaults.
var DefaultEncodings = Encodings{HashEntries: 512, HashValue: 64, SetEntries: 512, ZsetEntries: 128, ZsetValue: 64}

// EncodingCall returns the call that asks what OBJECT ENCODING of a key is with other settings.
func EncodingCall(key []byte, e Encodings) [][]byte {
	argv := [][]byte{[]byte(EncodingName), key}
	for _, n := range e.all() {
		argv = append(argv, strconv.AppendInt(nil, *n, 10))
	}
	return argv
}

// all returns the settings in the order in which a call has them.
func (e *Encodings) all() []*int64 {
	return []*int64{&e.HashEntries, &e.HashValue, &e.SetEntries, &e.ZsetEntries, &e.ZsetValue}
}

// encodingCall is what EncodingCall makes, parsed.
type encodingCall struct {
	key []byte
	e   Encodings
}

func parseEncoding(argv [][]byte) (p encodingCall, err error) {
	p.key = argv[1]
	for i, n := range p.e.all() {
		if *n, err = parseInt64(argv[2+i]); err != nil {
			return p, err
		}
	}
	return p, nil
}

func runEncoding(env Env, r storage.Reader, p encodingCall) (reply.Reply, error) {
	return runObject(encodingOf(p.e))(env, r, [][]byte{nil, nil, p.key})
}

// maxEmbedded is the longest string that Redis allocates together with its header.
const maxEmbedded = 44

// encodingOf answers for a string by value and length, and by what the row says of how the value came to be.
//
// Of a hash the past is kept: once Redis has taken it for large, it goes on to do so. But it is told by the settings of
// now, and Redis goes by those of then.
func encodingOf(e Encodings) func(Env, layout.Row) (reply.Reply, error) {
	return func(env Env, row layout.Row) (reply.Reply, error) {
		switch row.Type {
		case layout.String:
			return stringEncoding(row)
		case layout.List:
			return reply.BulkString("quicklist"), nil
		case layout.Set:
			return setEncoding(e, row)
		case layout.SortedSet:
			return zsetEncoding(e, row)
		}
		h, err := hash.Of(nil, env.DB, row)
		if most, longest := h.Past(); most > uint64(e.HashEntries) || longest > uint64(e.HashValue) {
			return reply.BulkString("hashtable"), err
		}
		return reply.BulkString("listpack"), err
	}
}

// setEncoding answers for a set by its past, as for a hash.
func setEncoding(e Encodings, row layout.Row) (reply.Reply, error) {
	s, err := set.Of(nil, 0, row)
	if most, integers := s.Past(); !integers || most > uint64(e.SetEntries) {
		return reply.BulkString("hashtable"), err
	}
	return reply.BulkString("intset"), err
}

// zsetEncoding answers for a sorted set by its past, as for a hash.
func zsetEncoding(e Encodings, row layout.Row) (reply.Reply, error) {
	z, err := zset.Of(nil, 0, row)
	if isCompact(e, z.Head) {
		return reply.BulkString("listpack"), err
	}
	return reply.BulkString("skiplist"), err
}

// isCompact reports whether Redis keeps a sorted set of such a past in its compact form.
func isCompact(e Encodings, z elements.Head) bool {
	return z.Most <= uint64(e.ZsetEntries) && z.Past <= uint64(e.ZsetValue)
}

func stringEncoding(row layout.Row) (reply.Reply, error) {
	_, isInt := intOf(row)
	switch {
	case isInt:
		return reply.BulkString("int"), nil
	case len(row.Payload) <= maxEmbedded && row.Encoding != layout.AsRaw && row.Parts == 0:
		return reply.BulkString("embstr"), nil
	}
	return reply.BulkString("raw"), nil
}

// intOf returns the number of a string that Redis keeps as one.
func intOf(row layout.Row) (n int64, ok bool) {
	if row.Type != layout.String || row.Encoding != layout.AsSet || row.Parts != 0 {
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
