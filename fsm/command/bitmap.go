package command

import (
	"math"
	"slices"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/str"
)

const (
	errBitOffset reply.UserError = "ERR bit offset is not an integer or out of range"
	errBit       reply.UserError = "ERR bit is not an integer or out of range"
	errBitPos    reply.UserError = "ERR The bit argument must be 1 or 0."
)

func bitmapRows() []Spec {
	return slices.Concat([]Spec{
		{Name: "setbit", Summary: "Sets or clears a bit of the string a key holds and returns what it was",
			Exec: Write(parseSetBit, runSetBit)},
		{Name: "getbit", Summary: "Returns a bit of the string a key holds", Exec: Read(parseGetBit, runGetBit)},
		{Name: "bitcount", Summary: "Counts the bits that are set in a string or in a part of it",
			Cost: "where N is the length of what is counted", Exec: Read(raw, runBitCount)},
		{Name: "bitpos", Summary: "Returns where in a string, or in a part of it, the first bit is that is set or clear",
			Cost: "where N is the length of what is searched", Exec: Read(raw, runBitPos)},
	}, bitOpRows(), bitFieldRows())
}

// parseBitOffset reads the offset of a bit in a string that a key can hold. wide is how many bits follow from there
// on, which must have room too; Redis does not look whether they do and makes such a string longer than it may be.
func parseBitOffset(arg []byte, wide int64) (int, error) {
	n, ok := str.ParseInt(arg)
	if !ok || n < 0 || n > MaxStringBytes*8-wide {
		return 0, errBitOffset
	}
	return int(n), nil
}

// setBitArgs is a parsed SETBIT or GETBIT.
type setBitArgs struct {
	key []byte
	at  int
	set bool
}

func parseGetBit(argv [][]byte) (p setBitArgs, err error) {
	p.key = argv[1]
	p.at, err = parseBitOffset(argv[2], 1)
	return p, err
}

func parseSetBit(argv [][]byte) (setBitArgs, error) {
	p, err := parseGetBit(argv)
	if err != nil {
		return p, err
	}
	n, ok := str.ParseInt(argv[3])
	if !ok || n&^1 != 0 {
		return p, errBit
	}
	p.set = n == 1
	return p, nil
}

func runGetBit(env Env, r storage.Reader, p setBitArgs) (reply.Reply, error) {
	v, _, err := readString(env, r, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	n, err := v.Bits(p.at, 1)
	return reply.Int(int64(n)), err
}

func runSetBit(env Env, t *storage.Txn, p setBitArgs) (reply.Reply, error) {
	s, err := openString(env, t, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	at, mask := str.ByteOf(p.at)
	var patch [1]byte
	if at < s.Length() {
		b, err := s.Slice(at, at+1)
		if err != nil {
			return reply.Reply{}, err
		}
		patch[0] = b[0]
	}
	was := patch[0]&mask != 0
	if was == p.set && at < s.Length() && s.Row().Encoding == layout.AsRaw {
		return reply.Flag(was), nil
	}
	if patch[0] &^= mask; p.set {
		patch[0] |= mask
	}
	return reply.Flag(was), s.Patch(layout.AsRaw, env.Version, at, patch[:])
}

// bitRange is a part of a string, in bytes or in bits, as BITCOUNT and BITPOS are told it.
type bitRange struct {
	start, end int64
	bits       bool
}

// parseUnit reads BYTE or BIT.
func (p *bitRange) parseUnit(arg []byte) error {
	if p.bits = isWord(arg, "BIT"); !p.bits && !isWord(arg, "BYTE") {
		return reply.ErrSyntax
	}
	return nil
}

// span returns which bits of a string of size bytes are meant, from and before to. within is str.Span or str.Clip.
func (p *bitRange) span(size int, within func(size int, start, end int64) (from, to int)) (from, to int) {
	if p.bits {
		return within(size*8, p.start, p.end)
	}
	from, to = within(size, p.start, p.end)
	return from * 8, to * 8
}

// runBitCount looks at the range only if the key is there, as Redis does.
func runBitCount(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	v, ok, err := readString(env, r, argv[1])
	if err != nil || !ok {
		return reply.Int(0), err
	}
	p := bitRange{end: -1}
	switch len(argv) {
	case 2:
	case 4, 5:
		if p.start, err = parseInt64(argv[2]); err == nil {
			p.end, err = parseInt64(argv[3])
		}
		if err == nil && len(argv) == 5 && (p.start >= 0 || p.end >= 0 || p.start <= p.end) {
			err = p.parseUnit(argv[4])
		}
	default:
		err = reply.ErrSyntax
	}
	if err != nil {
		return reply.Reply{}, err
	}
	n, err := v.CountBits(p.span(v.Length(), str.Span))
	return reply.Int(int64(n)), err
}

// runBitPos looks at the range only if the key is there, as Redis does. A string whose bits are all set is followed by
// a clear one, unless it is told where to end.
func runBitPos(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	bit, err := parseInt64(argv[2])
	switch {
	case err != nil:
		return reply.Reply{}, err
	case bit != 0 && bit != 1:
		return reply.Reply{}, errBitPos
	}
	v, ok, err := readString(env, r, argv[1])
	switch {
	case err != nil:
		return reply.Reply{}, err
	case !ok:
		return reply.Int(-bit), nil
	}
	p, err := parseBitPosRange(argv[3:])
	if err != nil {
		return reply.Reply{}, err
	}
	from, to := p.span(v.Length(), str.Clip)
	found, err := v.FindBit(bit == 1, from, to)
	if err == nil && found < 0 && from < to && bit == 0 && len(argv) < 5 {
		found = to
	}
	return reply.Int(int64(found)), err
}

func parseBitPosRange(args [][]byte) (p bitRange, err error) {
	if len(args) > 3 {
		return p, reply.ErrSyntax
	}
	p.end = math.MaxInt64
	if len(args) > 0 {
		p.start, err = parseInt64(args[0])
	}
	if err == nil && len(args) == 3 {
		err = p.parseUnit(args[2])
	}
	if err == nil && len(args) > 1 {
		p.end, err = parseInt64(args[1])
	}
	return p, err
}

func bitOpRows() []Spec {
	return []Spec{
		{Name: "bitop", Summary: "Combines strings bit by bit and keeps the result",
			Cost: "where N is the length of the longest string", Exec: Write(parseBitOp, runBitOp)},
	}
}

// bitOpArgs is a parsed BITOP.
type bitOpArgs struct {
	op      str.BitOp // nil for NOT
	dest    []byte
	sources [][]byte
}

const (
	errBitOpNot  reply.UserError = "ERR BITOP NOT must be called with a single source key."
	errLongBitOp reply.UserError = "ERR the strings to combine are longer than 1 GiB together"
)

// maxBitOpBytes bounds what one call reads: nothing else is applied meanwhile, and a short one can name a long string a
// million times.
const maxBitOpBytes = 1 << 30

func parseBitOp(argv [][]byte) (bitOpArgs, error) {
	p := bitOpArgs{dest: argv[2], sources: argv[3:]}
	switch op := argv[1]; {
	case isWord(op, "AND"):
		p.op = func(a, b byte) byte { return a & b }
	case isWord(op, "OR"):
		p.op = func(a, b byte) byte { return a | b }
	case isWord(op, "XOR"):
		p.op = func(a, b byte) byte { return a ^ b }
	case !isWord(op, "NOT"):
		return p, reply.ErrSyntax
	case len(p.sources) != 1:
		return p, errBitOpNot
	}
	return p, nil
}

func runBitOp(env Env, t *storage.Txn, p bitOpArgs) (reply.Reply, error) {
	values := make([]str.Value, len(p.sources))
	size, all := 0, 0
	for i, key := range p.sources {
		v, _, err := readString(env, t, key)
		if err != nil {
			return reply.Reply{}, err
		}
		values[i], size, all = v, max(size, v.Length()), all+v.Length()
	}
	if all > maxBitOpBytes {
		return reply.Reply{}, errLongBitOp
	}
	dest, err := keys.Open(t, env.DB, p.dest)
	if err != nil {
		return reply.Reply{}, err
	}
	if size == 0 {
		_, err = dest.Remove()
		return reply.Int(0), err
	}
	result := make([]byte, size)
	if err := values[0].Combine(result, func(_, b byte) byte { return b }); err != nil {
		return reply.Reply{}, err
	}
	for _, v := range values[1:] {
		if err := v.Combine(result, p.op); err != nil {
			return reply.Reply{}, err
		}
	}
	if p.op == nil {
		for i := range result {
			result[i] = ^result[i]
		}
	}
	return reply.Int(int64(size)), str.PutAs(&dest, layout.AsRaw, env.Version, result, 0)
}
