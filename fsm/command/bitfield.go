package command

import (
	"bytes"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/layout"
	"cairn/storage/str"
)

const (
	errFieldType     reply.UserError = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
	errFieldOverflow reply.UserError = "ERR Invalid OVERFLOW type specified"
	errFieldReadOnly reply.UserError = "ERR BITFIELD_RO only supports the GET subcommand"
)

func bitFieldRows() []Spec {
	return []Spec{
		{Name: "bitfield", Summary: "Reads, sets and adds to numbers of any width in the string a key holds",
			Cost: "for each number", Exec: Write(parseBitField, runBitField), Access: accessBitField},
		{Name: "bitfield_ro", Summary: "Reads numbers of any width in the string a key holds",
			Cost: "for each number", Exec: Read(parseBitField, runBitFieldRO)},
	}
}

// fieldOp is one operation of BITFIELD.
type fieldOp struct {
	kind     byte // 'g'et, 's'et, 'i'ncrby
	field    str.Field
	at       int
	overflow str.Overflow
	by       int64
}

// bitFieldArgs is a parsed BITFIELD.
type bitFieldArgs struct {
	key []byte
	ops []fieldOp
	end int // behind the last bit that is written; 0 when none is
}

func parseBitField(argv [][]byte) (p bitFieldArgs, err error) {
	p.key = argv[1]
	overflow := str.Wrap
	for rest := argv[2:]; len(rest) > 0; {
		n := 3
		op := fieldOp{overflow: overflow}
		switch word := rest[0]; {
		case isWord(word, "GET") && len(rest) > 2:
			op.kind = 'g'
		case isWord(word, "SET") && len(rest) > 3:
			op.kind, n = 's', 4
		case isWord(word, "INCRBY") && len(rest) > 3:
			op.kind, n = 'i', 4
		case isWord(word, "OVERFLOW") && len(rest) > 1:
			if overflow, err = parseOverflow(rest[1]); err != nil {
				return p, err
			}
			rest = rest[2:]
			continue
		default:
			return p, reply.ErrSyntax
		}
		if err := op.parse(rest[:n]); err != nil {
			return p, err
		}
		if op.kind != 'g' {
			p.end = max(p.end, op.at+op.field.Width)
		}
		p.ops, rest = append(p.ops, op), rest[n:]
	}
	return p, nil
}

func parseOverflow(arg []byte) (str.Overflow, error) {
	switch {
	case isWord(arg, "WRAP"):
		return str.Wrap, nil
	case isWord(arg, "SAT"):
		return str.Saturate, nil
	case isWord(arg, "FAIL"):
		return str.Fail, nil
	}
	return 0, errFieldOverflow
}

// parse reads the type, the offset and the number of an operation.
func (op *fieldOp) parse(words [][]byte) (err error) {
	kind, _, _ := bytes.Cut(words[1], []byte{0}) // Redis takes it for a C string
	op.field.Signed = len(kind) > 0 && kind[0] == 'i'
	if !op.field.Signed && (len(kind) == 0 || kind[0] != 'u') {
		return errFieldType
	}
	width, ok := str.ParseInt(kind[1:])
	if !ok || width < 1 || width > 64 || width == 64 && !op.field.Signed {
		return errFieldType
	}
	op.field.Width = int(width)
	if op.at, err = op.parseOffset(words[2]); err == nil && len(words) > 3 {
		op.by, err = parseInt64(words[3])
	}
	return err
}

// parseOffset reads an offset, which counts in fields if it begins with "#". A product that does not fit wraps, as in
// Redis.
func (op *fieldOp) parseOffset(arg []byte) (int, error) {
	wide := int64(op.field.Width)
	if op.kind == 'g' {
		wide = 1 // what is behind the end reads as 0
	}
	counted, fields := bytes.CutPrefix(arg, []byte("#"))
	if !fields {
		return parseBitOffset(arg, wide)
	}
	n, ok := str.ParseInt(counted)
	if n *= int64(op.field.Width); !ok || n < 0 || n > MaxStringBytes*8-wide {
		return 0, errBitOffset
	}
	return int(n), nil
}

// accessBitField says what a call does to its key.
func accessBitField(argv [][]byte) string {
	if p, err := parseBitField(argv); err == nil && p.end == 0 {
		return "RO ACCESS"
	}
	return "RW ACCESS UPDATE"
}

func runBitFieldRO(env Env, r storage.Reader, p bitFieldArgs) (reply.Reply, error) {
	if p.end > 0 {
		return reply.Reply{}, errFieldReadOnly
	}
	v, _, err := readString(env, r, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	answers := make([]reply.Reply, len(p.ops))
	for i, op := range p.ops {
		n, err := v.Bits(op.at, op.field.Width)
		if err != nil {
			return reply.Reply{}, err
		}
		answers[i] = reply.Int(op.field.Read(n))
	}
	return reply.ArrayOf(answers...), nil
}

// runBitField makes the string long enough for all that is written before it writes, as Redis does: also for a number
// that then does not fit its field.
func runBitField(env Env, t *storage.Txn, p bitFieldArgs) (reply.Reply, error) {
	if p.end == 0 {
		return runBitFieldRO(env, t, p)
	}
	s, err := openString(env, t, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	if last := (p.end + 7) / 8; last > s.Length() {
		err = s.Patch(layout.AsRaw, env.Version, last-1, []byte{0})
	} else if s.Row().Encoding != layout.AsRaw {
		err = s.Patch(layout.AsRaw, env.Version, 0, nil)
	}
	answers := make([]reply.Reply, len(p.ops))
	for i := 0; i < len(p.ops) && err == nil; i++ {
		answers[i], err = p.ops[i].runOp(env, &s)
	}
	return reply.ArrayOf(answers...), err
}

func (op *fieldOp) runOp(env Env, s *str.Edit) (reply.Reply, error) {
	bits, err := s.Bits(op.at, op.field.Width)
	was := op.field.Read(bits)
	if err != nil || op.kind == 'g' {
		return reply.Int(was), err
	}
	n, answer := was, was
	by := op.by
	if op.kind == 's' {
		n, by = op.by, 0
	}
	n, ok := op.field.Increment(n, by, op.overflow)
	if !ok {
		return reply.Nil(), nil
	}
	if op.kind == 'i' {
		answer = n
	}
	from := op.at / 8
	patch, err := s.Slice(from, (op.at+op.field.Width+7)/8)
	if err != nil {
		return reply.Reply{}, err
	}
	patch = bytes.Clone(patch)
	str.PutBits(patch, op.at%8, op.field.Width, uint64(n))
	return reply.Int(answer), s.Patch(layout.AsRaw, env.Version, from, patch)
}
