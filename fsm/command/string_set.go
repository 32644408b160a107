package command

import (
	"slices"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/str"
)

func stringSetRows() []Spec {
	return []Spec{
		{Name: "set", Access: accessOfSet, Summary: "Makes a key hold a string, whatever it held before, with conditions and a time to live if asked for",
			Exec: Write(parseSet, runSet)},
		{Name: "setnx", Summary: "Makes a key hold a string unless the key exists", Exec: Write(raw, runSetNX)},
		{Name: "setex", Summary: "Makes a key hold a string that lives for a number of seconds",
			Exec: Write(parseSetEX("setex", 1000), runSet)},
		{Name: "psetex", Summary: "Makes a key hold a string that lives for a number of milliseconds",
			Exec: Write(parseSetEX("psetex", 1), runSet)},
		{Name: "getset", Summary: "Makes a key hold a string and returns the one it held (SET with GET does the same)",
			Exec: Write(parseGetSet, runSet)},
		{Name: "mset", Summary: "Makes several keys hold a string each, all at once",
			Cost: "where N is the number of keys", Exec: Write(parsePairs("mset"), runMSet)},
		{Name: "msetnx", Summary: "Makes several keys hold a string each, all at once, unless one of them exists",
			Cost: "where N is the number of keys", Exec: Write(parsePairs("msetnx"), runMSetNX)},
	}
}

// setArgs is a parsed SET, or a command that is SET under another name.
type setArgs struct {
	name       string // as errors about the time to live say it
	key, value []byte
	ifAbsent   bool // NX
	ifPresent  bool // XX
	get        bool
	keepTTL    bool
	expiry     expiry
}

func parseSet(argv [][]byte) (p setArgs, err error) {
	p.name, p.key, p.value = "set", argv[1], argv[2]
	for rest := argv[3:]; len(rest) > 0; {
		n := p.option(rest)
		if n == 0 {
			return setArgs{}, reply.ErrSyntax
		}
		rest = rest[n:]
	}
	return p, p.expiry.check(p.name)
}

// accessOfSet says that only SET with GET reads. The call need not be right.
func accessOfSet(argv [][]byte) string {
	if slices.ContainsFunc(argv[3:], func(word []byte) bool { return isWord(word, "GET") }) {
		return "RW ACCESS UPDATE"
	}
	return "OW UPDATE"
}

// option takes the option at the head of args and returns its number of words, 0 for what is none or contradicts
// another.
func (p *setArgs) option(args [][]byte) int {
	switch opt := args[0]; {
	case isWord(opt, "NX") && !p.ifPresent:
		p.ifAbsent = true
	case isWord(opt, "XX") && !p.ifAbsent:
		p.ifPresent = true
	case isWord(opt, "GET"):
		p.get = true
	case isWord(opt, "KEEPTTL") && !p.expiry.given():
		p.keepTTL = true
	default:
		e, ok := parseExpiry(args)
		if !ok || p.keepTTL || p.expiry.given() && !p.expiry.sameOption(e) {
			return 0
		}
		p.expiry = e
		return 2
	}
	return 1
}

// parseSetEX returns the parse of a command whose time to live, in units of unitMillis, stands before the value.
func parseSetEX(name string, unitMillis int16) func([][]byte) (setArgs, error) {
	return func(argv [][]byte) (setArgs, error) {
		p := setArgs{name: name, key: argv[1], value: argv[3], expiry: expiry{unit: unitMillis, amount: argv[2]}}
		return p, p.expiry.check(name)
	}
}

func parseGetSet(argv [][]byte) (setArgs, error) {
	return setArgs{name: "getset", key: argv[1], value: argv[2], get: true}, nil
}

func runSet(env Env, t *storage.Txn, p setArgs) (reply.Reply, error) {
	expireAt, err := p.expiry.at(env.Now, p.name)
	if err != nil {
		return reply.Reply{}, err
	}
	s, err := keys.Open(t, env.DB, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	var was reply.Reply // what GET answers
	if p.get {
		if err := checkString(s); err != nil {
			return reply.Reply{}, err
		}
		if was, err = valueOrNil(env, t, s); err != nil {
			return reply.Reply{}, err
		}
	}
	if p.ifAbsent && s.Live || p.ifPresent && !s.Live {
		return was, nil
	}
	if p.keepTTL {
		expireAt = s.Row.ExpireAt
	}
	if err := str.Put(&s, env.Version, p.value, expireAt); err != nil || p.get {
		return was, err
	}
	return reply.OK(), nil
}

func runSetNX(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	s, err := keys.Open(t, env.DB, argv[1])
	if err != nil || s.Live {
		return reply.Int(0), err
	}
	return reply.Int(1), str.Put(&s, env.Version, argv[2], 0)
}
