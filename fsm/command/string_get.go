package command

import (
	"errors"

	"cairn/fsm/reply"
	"cairn/storage"
)

func stringGetRows() []Spec {
	return []Spec{
		{Name: "get", Summary: "Returns the string value of a key", Exec: Read(raw, runGet)},
		{Name: "mget", Summary: "Returns the string values of several keys, read at one moment",
			Cost: "where N is the number of keys", Exec: Read(raw, runMGet)},
		{Name: "getdel", Summary: "Returns the string value of a key and removes the key", Exec: Write(raw, runGetDel)},
		{Name: "getex", Summary: "Returns the string value of a key and changes or removes its time to live",
			Exec: Write(parseGetEX, runGetEX)},
		{Name: "strlen", Summary: "Returns how many bytes the string value of a key has", Exec: Read(raw, runStrLen)},
	}
}

func runGet(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	value, ok, err := getString(env, r, argv[1])
	if err != nil || !ok {
		return reply.Nil(), err
	}
	return reply.BulkBytes(value), nil
}

// runMGet answers nil for keys of other types, as Redis does.
func runMGet(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	values := make([]reply.Reply, len(argv)-1)
	size := 0
	for i, key := range argv[1:] {
		value, ok, err := getString(env, r, key)
		switch {
		case err != nil && !errors.Is(err, reply.ErrWrongType):
			return reply.Reply{}, err
		case err == nil && ok:
			values[i] = reply.BulkBytes(value)
			if size += len(value); size > maxReplyBytes {
				return reply.Reply{}, errLongReply
			}
		}
	}
	return reply.ArrayOf(values...), nil
}

func runStrLen(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	v, _, err := readString(env, r, argv[1])
	return reply.Int(int64(v.Length())), err
}

func runGetDel(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	s, err := openString(env, t, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	answer, err := stringOrNil(&s)
	if err != nil {
		return reply.Reply{}, err
	}
	return answer, s.RemoveKey()
}

// getexArgs is a parsed GETEX.
type getexArgs struct {
	key     []byte
	persist bool
	expiry  expiry
}

// parseGetEX leaves the time to live unchecked: of a key that is absent, Redis answers nil whatever it says.
func parseGetEX(argv [][]byte) (getexArgs, error) {
	p := getexArgs{key: argv[1]}
	for rest := argv[2:]; len(rest) > 0; {
		if isWord(rest[0], "PERSIST") && !p.expiry.given() {
			p.persist = true
			rest = rest[1:]
			continue
		}
		e, ok := parseExpiry(rest)
		if !ok || p.persist || p.expiry.given() && !p.expiry.sameOption(e) {
			return getexArgs{}, reply.ErrSyntax
		}
		p.expiry = e
		rest = rest[2:]
	}
	return p, nil
}

func runGetEX(env Env, t *storage.Txn, p getexArgs) (reply.Reply, error) {
	s, err := openString(env, t, p.key)
	if err != nil || !s.Live() {
		return reply.Nil(), err
	}
	expireAt, err := p.expiry.at(env.Now, "getex")
	if err != nil {
		return reply.Reply{}, err
	}
	answer, err := stringOrNil(&s)
	if err == nil && (p.expiry.given() || p.persist && s.Row().ExpireAt != 0) {
		err = s.SetExpiry(env.Version, expireAt)
	}
	return answer, err
}
