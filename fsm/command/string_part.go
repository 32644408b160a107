package command

import (
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/layout"
	"cairn/storage/str"
)

const errOffset reply.UserError = "ERR offset is out of range"

func stringPartRows() []Spec {
	return []Spec{
		{Name: "append", Summary: "Adds bytes behind the string a key holds and returns the new length",
			Exec: Write(raw, runAppend)},
		{Name: "setrange", Summary: "Writes over a part of the string a key holds and returns the new length",
			Exec: Write(parseSetRange, runSetRange)},
		{Name: "getrange", Summary: "Returns a part of the string a key holds",
			Cost: "where N is the length of the part", Exec: Read(parseGetRange, runGetRange)},
		{Name: "substr", Summary: "Returns a part of the string a key holds (the old name of GETRANGE)",
			Cost: "where N is the length of the part", Exec: Read(parseGetRange, runGetRange)},
	}
}

func runAppend(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	s, err := openString(env, t, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	if err := checkLength(int64(s.Length()), int64(len(argv[2]))); err != nil {
		return reply.Reply{}, err
	}
	as := layout.AsSet
	if s.Live() {
		as = layout.AsRaw
	}
	return reply.Int(int64(s.Length() + len(argv[2]))), s.Patch(as, env.Version, s.Length(), argv[2])
}

// setRangeArgs is a parsed SETRANGE.
type setRangeArgs struct {
	key    []byte
	offset int64
	patch  []byte
}

func parseSetRange(argv [][]byte) (setRangeArgs, error) {
	offset, err := parseInt64(argv[2])
	if err == nil && offset < 0 {
		err = errOffset
	}
	return setRangeArgs{key: argv[1], offset: offset, patch: argv[3]}, err
}

func runSetRange(env Env, t *storage.Txn, p setRangeArgs) (reply.Reply, error) {
	s, err := openString(env, t, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	if len(p.patch) == 0 {
		return reply.Int(int64(s.Length())), nil
	}
	if err := checkLength(p.offset, int64(len(p.patch))); err != nil {
		return reply.Reply{}, err
	}
	size := max(s.Length(), int(p.offset)+len(p.patch))
	return reply.Int(int64(size)), s.Patch(layout.AsRaw, env.Version, int(p.offset), p.patch)
}

// getRangeArgs is a parsed GETRANGE.
type getRangeArgs struct {
	key        []byte
	start, end int64
}

func parseGetRange(argv [][]byte) (p getRangeArgs, err error) {
	p.key = argv[1]
	if p.start, err = parseInt64(argv[2]); err == nil {
		p.end, err = parseInt64(argv[3])
	}
	return p, err
}

func runGetRange(env Env, r storage.Reader, p getRangeArgs) (reply.Reply, error) {
	v, _, err := readString(env, r, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	part, err := v.Slice(str.Span(v.Length(), p.start, p.end))
	return reply.BulkBytes(part), err
}
