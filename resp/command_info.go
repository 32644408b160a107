package resp

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// runCommand answers COMMAND INFO of every command.
func runCommand(c *conn, _ [][]byte) reply.Reply {
	var infos []reply.Reply
	for _, row := range c.srv.table.All() {
		infos = append(infos, infoOf(row.Name, &row))
	}
	return reply.ArrayOf(infos...)
}

func runCommandCount(c *conn, _ [][]byte) reply.Reply {
	return reply.Int(int64(len(c.srv.table.All())))
}

func runCommandInfo(c *conn, argv [][]byte) reply.Reply {
	if len(argv) == 2 {
		return runCommand(c, argv)
	}
	infos := make([]reply.Reply, len(argv)-2)
	for i, name := range argv[2:] {
		if row, full := findRow(c.srv.table, name); row != nil {
			infos[i] = infoOf(full, row)
		}
	}
	return reply.ArrayOf(infos...)
}

// findRow returns the row of a name, "get" or "client|kill", and the name as COMMAND INFO writes it; nil when there
// is none.
func findRow(t *command.Table, name []byte) (row *command.Spec, full string) {
	first, second, isSub := bytes.Cut(name, []byte{'|'})
	row, ok := t.Lookup(first)
	switch {
	case !ok:
		return nil, ""
	case !isSub:
		return row, row.Name
	}
	sub := findSub(row, second)
	if sub == nil {
		return nil, ""
	}
	return sub, row.Name + "|" + sub.Name
}

func findSub(row *command.Spec, name []byte) *command.Spec {
	i := slices.IndexFunc(row.Subs, func(sub command.Spec) bool { return strings.EqualFold(sub.Name, string(name)) })
	if i < 0 {
		return nil
	}
	return &row.Subs[i]
}

// infoOf is the element of COMMAND INFO for a row whose full name is name.
func infoOf(name string, row *command.Spec) reply.Reply {
	first, last, step := keyRange(row.Keys)
	categories := strings.Fields(row.ACL)
	for i, c := range categories {
		categories[i] = "@" + c
	}
	var specs, subs []reply.Reply
	for _, k := range row.Keys {
		specs = append(specs, keySpecOf(k))
	}
	for i := range row.Subs {
		subs = append(subs, infoOf(name+"|"+row.Subs[i].Name, &row.Subs[i]))
	}
	return reply.ArrayOf(
		reply.BulkString(name),
		reply.Int(int64(row.Arity)),
		statuses(row.Flags.Names()),
		reply.Int(int64(first)), reply.Int(int64(last)), reply.Int(int64(step)),
		statuses(categories),
		bulks(strings.Fields(row.Tips)),
		reply.SetOf(specs...),
		subcommandsOf(subs),
	)
}

// subcommandsOf is an array, but a set where it is empty: RESP3 clients see the difference in Redis 7.0 too.
func subcommandsOf(subs []reply.Reply) reply.Reply {
	if len(subs) == 0 {
		return reply.SetOf()
	}
	return reply.ArrayOf(subs...)
}

// keyRange is the first key, the last key and the step that stand for key specs: clients older than key specs read
// them. Specs that do not follow on from the others are left out. Source: Redis 7.0, populateCommandLegacyRangeSpec.
func keyRange(keys []command.KeySpec) (first, last, step int) {
	first = math.MaxInt
	for _, k := range keys {
		if k.Keyword != "" || k.Counted || k.Step == 0 {
			continue
		}
		to := k.Last
		if to >= 0 {
			to += k.Index
		}
		if len(keys) == 1 {
			return k.Index, to, k.Step
		}
		if k.Step != 1 || last != 0 && k.Index != last+1 {
			continue
		}
		first = min(first, k.Index)
		if last >= 0 && (to < 0 || to > last) {
			last = to
		}
	}
	if first == math.MaxInt {
		return 0, 0, 0
	}
	return first, last, 1
}

// keySpecOf is one key specification.
func keySpecOf(k command.KeySpec) reply.Reply {
	begin, find := searchOf("index", "index", k.Index), searchOf("range", "lastkey", k.Last, "keystep", k.Step, "limit", k.Limit)
	if k.Keyword != "" {
		begin = searchOf("keyword", "keyword", k.Keyword, "startfrom", k.Index)
	}
	switch {
	case k.Step == 0:
		begin, find = searchOf("unknown"), searchOf("unknown")
	case k.Counted:
		find = searchOf("keynum", "keynumidx", 0, "firstkey", 1, "keystep", k.Step)
	}
	return reply.MapOf(reply.BulkString("flags"), accessOf(k.Access), reply.BulkString("begin_search"), begin, reply.BulkString("find_keys"), find)
}

// searchOf is one of the steps of a key specification: its kind and the names and values that it has.
func searchOf(kind string, pairs ...any) reply.Reply {
	var spec []reply.Reply
	for _, p := range pairs {
		if n, ok := p.(int); ok {
			spec = append(spec, reply.Int(int64(n)))
		} else {
			spec = append(spec, reply.BulkString(p.(string)))
		}
	}
	return reply.MapOf(reply.BulkString("type"), reply.BulkString(kind), reply.BulkString("spec"), reply.MapOf(spec...))
}

// accessOf answers the flags of a key specification: what is done to the key in capitals, how in small letters.
func accessOf(access string) reply.Reply {
	words := strings.Fields(access)
	for i, w := range words {
		if !slices.Contains([]string{"RO", "RW", "OW", "RM"}, w) {
			words[i] = strings.ToLower(w)
		}
	}
	return statuses(words)
}

// statuses is a set of simple strings.
func statuses(words []string) reply.Reply {
	elems := make([]reply.Reply, len(words))
	for i, w := range words {
		elems[i] = reply.Statusf(w)
	}
	return reply.SetOf(elems...)
}

// bulks is a set of strings.
func bulks(words []string) reply.Reply {
	elems := make([]reply.Reply, len(words))
	for i, w := range words {
		elems[i] = reply.BulkString(w)
	}
	return reply.SetOf(elems...)
}
