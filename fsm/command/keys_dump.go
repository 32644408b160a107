package command

import (
	"errors"
	"fmt"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/hash"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/list"
	"cairn/storage/rdb"
	"cairn/storage/set"
	"cairn/storage/str"
	"cairn/storage/zset"
)

const (
	errBusyKey     reply.UserError = "BUSYKEY Target key name already exists."
	errTTL         reply.UserError = "ERR Invalid TTL value, must be >= 0"
	errIdleTime    reply.UserError = "ERR Invalid IDLETIME value, must be >= 0"
	errFrequency   reply.UserError = "ERR Invalid FREQ value, must be >= 0 and <= 255"
	errPayload     reply.UserError = "ERR DUMP payload version or checksum are wrong"
	errPayloadForm reply.UserError = "ERR Bad data format"
	errLongPayload reply.UserError = "ERR the value is too large for one payload, which has up to 2097152 texts and 256 MiB"
)

func dumpRows() []Spec {
	return []Spec{
		{Name: "dump", Summary: "Returns the value of a key as RESTORE takes it",
			Cost: "to find the key, and O(N) where N is the size of the value", Exec: Read(raw, runDump)},
		{Name: "restore", Summary: "Makes a key of what DUMP has returned",
			Cost: "to make the key, and O(N) where N is the size of the value", Exec: Write(parseRestore, runRestore)},
	}
}

func runDump(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	row, ok, err := keys.Lookup(r, env.DB, argv[1])
	if err != nil || !ok {
		return reply.Nil(), err
	}
	w, err := writePayload(env, r, row)
	if err != nil {
		return reply.Reply{}, err
	}
	return reply.BulkBytes(w.Finish()), nil
}

// payload is a payload that is being written; the first error stays.
type payload struct {
	*rdb.Writer
	err error
}

// begin begins the payload of n elements, of which each has so many texts.
func (p *payload) begin(k rdb.Kind, n, texts uint64) {
	if n > rdb.MaxItems/texts {
		p.err = errLongPayload
	}
	p.Writer = rdb.NewWriter(k, int(n))
}

// text adds a text and reports whether another may follow.
func (p *payload) text(b []byte) bool {
	if p.Size()+len(b) > maxReplyBytes {
		p.err = errLongPayload
	}
	if p.err == nil {
		p.AddText(b)
	}
	return p.err == nil
}

// writePayload writes a value of any type: each type has its lines here, and in restoreValue.
func writePayload(env Env, r storage.Reader, row layout.Row) (*rdb.Writer, error) {
	var p payload
	var err error
	switch row.Type {
	case layout.String:
		p.begin(rdb.String, 1, 1)
		var v str.Value
		var b []byte
		if v, err = str.Of(r, env.DB, row); err == nil {
			if b, err = v.Bytes(); err == nil {
				p.text(b)
			}
		}
	case layout.Hash:
		var h hash.Hash
		if h, err = hash.Of(r, env.DB, row); err == nil {
			p.begin(rdb.Hash, h.Len(), 2)
			err = h.Walk(func(field, value []byte) (bool, error) { return p.text(field) && p.text(value), p.err })
		}
	case layout.List:
		var l list.List
		if l, err = list.Of(r, env.DB, row); err == nil {
			p.begin(rdb.List, l.Entries(), 1)
			err = l.Walk(0, func(element []byte) (bool, error) { return p.text(element), p.err })
		}
	case layout.Set:
		var c set.Set
		if c, err = set.Of(r, env.DB, row); err == nil {
			p.begin(rdb.Set, c.Len(), 1)
			err = c.Walk(func(member, _ []byte) (bool, error) { return p.text(member), p.err })
		}
	case layout.SortedSet:
		var z zset.Set
		if z, err = zset.Of(r, env.DB, row); err == nil {
			p.begin(rdb.SortedSet, z.Len(), 1)
			err = z.WalkRanks(0, func(member []byte, score float64) (bool, error) {
				more := p.text(member)
				if more {
					p.AddScore(score)
				}
				return more, p.err
			})
		}
	default:
		err = fmt.Errorf("command: DUMP knows no type %v", row.Type)
	}
	if err == nil {
		err = p.err
	}
	return p.Writer, err
}

// restoreArgs is a parsed RESTORE.
type restoreArgs struct {
	key, ttl, payload []byte
	replace, absolute bool
	idleSeconds       int64 // -1: none was given
	frequency         int64 // likewise; no policy of this server looks at it
}

func parseRestore(argv [][]byte) (restoreArgs, error) {
	p := restoreArgs{key: argv[1], ttl: argv[2], payload: argv[3], idleSeconds: -1, frequency: -1}
	for rest := argv[4:]; len(rest) > 0; {
		n, err := p.option(rest)
		if err != nil {
			return p, err
		}
		rest = rest[n:]
	}
	return p, nil
}

// option reads the option at the head of args and returns its number of words.
func (p *restoreArgs) option(args [][]byte) (n int, err error) {
	switch opt := args[0]; {
	case isWord(opt, "REPLACE"):
		p.replace = true
	case isWord(opt, "ABSTTL"):
		p.absolute = true
	case isWord(opt, "IDLETIME") && len(args) > 1 && p.frequency < 0:
		if p.idleSeconds, err = parseInt64(args[1]); err == nil && p.idleSeconds < 0 {
			err = errIdleTime
		}
		return 2, err
	case isWord(opt, "FREQ") && len(args) > 1 && p.idleSeconds < 0:
		if p.frequency, err = parseInt64(args[1]); err == nil && (p.frequency < 0 || p.frequency > 255) {
			err = errFrequency
		}
		return 2, err
	default:
		return 0, reply.ErrSyntax
	}
	return 1, nil
}

// runRestore looks at the key, then at the time to live, then at the payload, as Redis does.
func runRestore(env Env, t *storage.Txn, p restoreArgs) (reply.Reply, error) {
	h, err := keys.Open(t, env.DB, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	if h.Live && !p.replace {
		return reply.Reply{}, errBusyKey
	}
	expireAt, err := p.expireAt(env.Now)
	if err != nil {
		return reply.Reply{}, err
	}
	v, err := parsePayload(p.payload)
	if err != nil {
		return reply.Reply{}, err
	}
	if _, err := h.Remove(); err != nil {
		return reply.Reply{}, err
	}
	if t.Expired(expireAt) {
		return reply.OK(), nil
	}
	if err := restoreValue(env, t, p.key, v); err != nil {
		return reply.Reply{}, err
	}
	if expireAt == 0 && p.idleSeconds <= 0 {
		return reply.OK(), nil
	}
	if h, err = keys.Open(t, env.DB, p.key); err != nil {
		return reply.Reply{}, err
	}
	return reply.OK(), h.Renew(expireAt, max(0, t.Time()-min(max(p.idleSeconds, 0), t.Time()/1000)*1000))
}

// expireAt returns when the key expires, 0 is never. A sum that does not fit wraps, as in Redis, and so has come.
func (p *restoreArgs) expireAt(now int64) (int64, error) {
	ttl, err := parseInt64(p.ttl)
	if err == nil && ttl < 0 {
		err = errTTL
	}
	if ttl > 0 && !p.absolute {
		ttl += now
	}
	return ttl, err
}

// parsePayload reads a payload in whose value no text is longer than a string may be.
func parsePayload(b []byte) (rdb.Value, error) {
	v, err := rdb.Parse(b)
	switch {
	case errors.Is(err, rdb.ErrChecksum):
		return v, errPayload
	case errors.Is(err, rdb.ErrTooLarge):
		return v, errLongPayload
	case err != nil:
		return v, errPayloadForm
	}
	for _, item := range v.Items {
		if len(item) > MaxStringBytes {
			return v, reply.ErrTooLong
		}
	}
	switch v.Kind {
	case rdb.String, rdb.Hash, rdb.List, rdb.Set, rdb.SortedSet:
		return v, nil
	}
	return v, errPayloadForm // a type that is not there yet
}

// restoreValue makes a key, which is absent, of a value.
func restoreValue(env Env, t *storage.Txn, key []byte, v rdb.Value) error {
	switch v.Kind {
	case rdb.Hash:
		h, _, err := hash.Open(t, env.DB, key)
		for i := 0; i < len(v.Items) && err == nil; i += 2 {
			f, errItem := h.Item(v.Items[i])
			if err = errItem; err == nil {
				err = h.SetField(&f, v.Items[i+1])
			}
		}
		if err != nil {
			return err
		}
		return h.Save(env.Version)
	case rdb.List:
		l, _, err := list.Open(t, env.DB, key)
		for i := 0; i < len(v.Items) && err == nil; i++ {
			err = l.Push(true, v.Items[i])
		}
		if err != nil {
			return err
		}
		return l.Save(env.Version)
	case rdb.Set:
		c, _, err := set.Open(t, env.DB, key)
		for i := 0; i < len(v.Items) && err == nil; i++ {
			err = c.IncludeNew(v.Items[i])
		}
		if err != nil {
			return err
		}
		return c.Save(env.Version)
	case rdb.SortedSet:
		members := make([]zset.Member, 0, len(v.Items))
		for i, item := range v.Items {
			members = append(members, zset.Member{Name: item, Score: v.Scores[i]})
		}
		return zset.Replace(t, env.DB, key, members, env.Version)
	}
	h, err := keys.Open(t, env.DB, key)
	if err != nil {
		return err
	}
	return str.Put(&h, env.Version, v.Items[0], 0)
}
