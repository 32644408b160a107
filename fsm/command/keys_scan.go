package command

import (
	"bytes"
	"strconv"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
)

func iterationRows() []Spec {
	return []Spec{
		{Name: "keys", Summary: "Lists the keys that match a pattern",
			Cost: "where N is the number of keys in the database, or in the one slot that the pattern allows", Exec: ListAlone(matchingKeys)},
		{Name: "scan", Summary: "Lists the keys of the database step by step",
			Cost: "for a call with the default COUNT, O(N) for a whole iteration", Exec: Read(parseScan, runScan)},
		{Name: "randomkey", Summary: "Names some key of the database", Exec: Read(raw, runRandomKey)},
	}
}

// slotRange returns the positions that keys matching pattern can have.
func slotRange(pattern []byte) (from, to layout.Position) {
	slot, ok := globSlot(pattern)
	if !ok {
		return 0, layout.EndPosition
	}
	return keys.SlotRange(slot)
}

// isAny reports whether a pattern is the one that needs no matching; it alone matches the empty key too.
func isAny(pattern []byte) bool { return len(pattern) == 1 && pattern[0] == '*' }

// matchingKeys is what KEYS answers.
func matchingKeys(env Env, r storage.Reader, argv [][]byte) (Elements, error) {
	pattern := argv[1]
	from, to := slotRange(pattern)
	return Elements{Kind: reply.Array, Len: -1, Each: func(yield func(reply.Reply) error) error {
		return keys.WalkRange(r, env.DB, from, to, func(_ layout.Position, key []byte, _ layout.Row) (bool, error) {
			if isAny(pattern) || globMatch(pattern, key) {
				return true, yield(reply.BulkBytes(key))
			}
			return true, nil
		})
	}}, nil
}

// What one SCAN may look at and answer at most, whatever its COUNT says, so that it costs bounded time and memory. A
// client sees it only in that it calls again. Keys whose positions are equal are answered together beyond that.
const (
	maxScanRows  = 1 << 16
	maxScanBytes = 1 << 20 // of keys
)

// scanParams is a parsed SCAN. Its cursor is the position that the call begins at; 0 is the beginning, and also the
// end.
type scanParams struct {
	cursor   uint64
	count    int
	pattern  []byte // nil is any
	typeName []byte // nil is any
}

func parseScan(argv [][]byte) (p scanParams, err error) {
	if p.cursor, err = parseCursor(argv[1]); err != nil {
		return p, err
	}
	return p, p.options(argv[2:], true)
}

// options reads what follows the cursor of a SCAN, or of one that knows no types.
func (p *scanParams) options(args [][]byte, types bool) error {
	p.count = 10
	for ; len(args) > 0; args = args[2:] {
		switch {
		case len(args) < 2:
			return reply.ErrSyntax
		case isWord(args[0], "COUNT"):
			n, err := parseInt64(args[1])
			if err != nil {
				return err
			}
			if n < 1 {
				return reply.ErrSyntax
			}
			p.count = int(min(n, maxScanRows))
		case isWord(args[0], "MATCH"):
			p.pattern = args[1]
		case isWord(args[0], "TYPE") && types:
			p.typeName = args[1]
		default:
			return reply.ErrSyntax
		}
	}
	return nil
}

// parseCursor reads a cursor as Redis does, by C's strtoul: a sign is allowed, a minus counts back from 2^64, a zero
// byte ends the number, and nothing at all is 0.
func parseCursor(arg []byte) (uint64, error) {
	text, _, _ := bytes.Cut(arg, []byte{0})
	if len(text) == 0 {
		return 0, nil
	}
	digits := text
	if text[0] == '-' || text[0] == '+' {
		digits = text[1:]
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0, reply.UserError("ERR invalid cursor")
	}
	if text[0] == '-' {
		n = -n
	}
	return n, nil
}

func runScan(env Env, r storage.Reader, p scanParams) (reply.Reply, error) {
	from, to := layout.Position(0), layout.EndPosition
	if p.pattern != nil {
		from, to = slotRange(p.pattern)
	}
	from = max(from, layout.Position(p.cursor))
	found, size := []reply.Reply(nil), 0
	next, err := keys.Page(r, env.DB, from, to, p.count, func(key []byte, row layout.Row) bool {
		if p.wants(key, row) {
			found = append(found, reply.BulkBytes(bytes.Clone(key)))
			size += len(key)
		}
		return size < maxScanBytes
	})
	if next == to {
		next = 0
	}
	return scanned(uint64(next), found), err
}

// scanned is the answer of one step of an iteration.
func scanned(next uint64, found []reply.Reply) reply.Reply {
	return reply.ArrayOf(reply.BulkString(strconv.FormatUint(next, 10)), reply.ArrayOf(found...))
}

// wants reports whether the filters let a key through.
func (p scanParams) wants(key []byte, row layout.Row) bool {
	return p.wantsName(key) &&
		(p.typeName == nil || isWord(p.typeName, row.Type.String()))
}

// wantsName reports whether the pattern lets a name through.
func (p scanParams) wantsName(name []byte) bool {
	return p.pattern == nil || isAny(p.pattern) || globMatch(p.pattern, name)
}

func runRandomKey(env Env, r storage.Reader, _ [][]byte) (reply.Reply, error) {
	key, ok, err := keys.Random(r, env.DB, env.Seed)
	if err != nil || !ok {
		return reply.Nil(), err
	}
	return reply.BulkBytes(key), nil
}
