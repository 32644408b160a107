package transcript

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// CompareRow asks a real Redis what it knows of a row's command and of its subcommands, by COMMAND INFO and COMMAND DOCS,
// and returns where the row says something else, a line each: "get: arity 3, Redis 2".
func CompareRow(redis Doer, row command.Spec) ([]string, error) {
	info, errInfo := redis.Do([][]byte{[]byte("COMMAND"), []byte("INFO"), []byte(row.Name)})
	docs, errDocs := redis.Do([][]byte{[]byte("COMMAND"), []byte("DOCS"), []byte(row.Name)})
	if err := errors.Join(errInfo, errDocs); err != nil {
		return nil, err
	}
	if len(info.Elems) != 1 || len(info.Elems[0].Elems) < 10 || len(docs.Elems) != 2 {
		return []string{row.Name + ": Redis does not know it"}, nil
	}
	return compareRow(row.Name, row, info.Elems[0], docs.Elems[1]), nil
}

// compareRow compares one row with its element of COMMAND INFO and of COMMAND DOCS. name is "object" or "object|freq".
func compareRow(name string, row command.Spec, info, docs reply.Reply) (diffs []string) {
	differ := func(what string, ours, theirs any) {
		if a, b := fmt.Sprint(ours), fmt.Sprint(theirs); a != b {
			diffs = append(diffs, fmt.Sprintf("%s: %s %s, Redis %s", name, what, a, b))
		}
	}
	e := info.Elems
	differ("arity", row.Arity, e[1].Int)
	differ("flags", words(row.Flags.Names()), words(texts(e[2])))
	differ("first, last, step", keyRange(row.Keys), [3]int64{e[3].Int, e[4].Int, e[5].Int})
	differ("keys", ourKeys(row.Keys), theirKeys(e[8]))
	differ("since", row.Since, text(docs, "since"))
	differ("group", row.Group, text(docs, "group"))
	return append(diffs, compareSubs(name, row, e[9], docs)...)
}

func compareSubs(name string, row command.Spec, infos, docs reply.Reply) (diffs []string) {
	known := make(map[string]reply.Reply)
	for _, info := range infos.Elems {
		known[string(info.Elems[0].Str)] = info
	}
	subDocs := value(docs, "subcommands")
	for _, sub := range row.Subs {
		full := name + "|" + sub.Name
		info, ok := known[full]
		delete(known, full)
		if !ok {
			diffs = append(diffs, full+": Redis does not know it")
			continue
		}
		diffs = append(diffs, compareRow(full, sub, info, value(subDocs, full))...)
	}
	for _, info := range infos.Elems {
		if full := string(info.Elems[0].Str); known[full].Elems != nil {
			diffs = append(diffs, full+": only Redis has it")
		}
	}
	return diffs
}

// value returns the value behind a name in a flat map.
func value(m reply.Reply, name string) reply.Reply {
	for i := 0; i+1 < len(m.Elems); i += 2 {
		if string(m.Elems[i].Str) == name {
			return m.Elems[i+1]
		}
	}
	return reply.Nil()
}

// text returns the text behind a name in a flat map.
func text(m reply.Reply, name string) string { return string(value(m, name).Str) }

func texts(r reply.Reply) (s []string) {
	for _, e := range r.Elems {
		s = append(s, string(e.Str))
	}
	return s
}

// words makes names comparable: in one case, sorted, between blanks.
func words(names []string) string {
	s := strings.ToLower(strings.Join(names, " "))
	names = strings.Fields(s)
	slices.Sort(names)
	return "[" + strings.Join(names, " ") + "]"
}

// keyRange is how Redis makes first, last and step of key specs (populateCommandLegacyRangeSpec).
func keyRange(keys []command.KeySpec) [3]int {
	switch len(keys) {
	case 0:
		return [3]int{}
	case 1:
		return [3]int{keys[0].First, keys[0].Last, keys[0].Step}
	}
	all := keys[0]
	for i, k := range keys {
		if k.Step != 1 || i > 0 && k.First != all.Last+1 {
			return [3]int{}
		}
		all.Last = k.Last
	}
	return [3]int{all.First, all.Last, all.Step}
}

// ourKeys writes key specs as "first last step [flags]".
func ourKeys(keys []command.KeySpec) string {
	var all []string
	for _, k := range keys {
		all = append(all, fmt.Sprintf("%d %d %d %s", k.First, k.Last, k.Step, words([]string{k.Access})))
	}
	return strings.Join(all, ", ")
}

// theirKeys writes the key specs of COMMAND INFO like ourKeys. Redis counts the last key from the first, unless it is negative.
func theirKeys(specs reply.Reply) string {
	var all []string
	for _, spec := range specs.Elems {
		begin, find := value(spec, "begin_search"), value(spec, "find_keys")
		flags := words(texts(value(spec, "flags")))
		if text(begin, "type") != "index" || text(find, "type") != "range" {
			all = append(all, fmt.Sprintf("%s %s %s", text(begin, "type"), text(find, "type"), flags))
			continue
		}
		first := value(value(begin, "spec"), "index").Int
		span := value(find, "spec")
		last := value(span, "lastkey").Int
		if last >= 0 {
			last += first
		}
		all = append(all, strconv.FormatInt(first, 10)+" "+strconv.FormatInt(last, 10)+" "+
			strconv.FormatInt(value(span, "keystep").Int, 10)+" "+flags)
	}
	return strings.Join(all, ", ")
}
