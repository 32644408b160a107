package parity_test

import (
	"fmt"
	"strings"
	"testing"

	"cairn/cmd/internal/redistest"
	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// sortKeys and migrateKeys find the keys of commands whose specifications Redis calls unknown or incomplete.
var (
	sortKeys = []command.KeySpec{
		{Index: 1, Step: 1, Access: "RO ACCESS"},
		{Index: 2, Keyword: "STORE", Option: true, Step: 1, Access: "OW UPDATE"},
	}
	migrateKeys = []command.KeySpec{
		{Index: 6, Keyword: "KEYS", Option: true, Last: -1, Step: 1, Access: "RW ACCESS DELETE"},
		{Index: 3, Step: 1, Else: true, Access: "RW ACCESS DELETE"},
	}
)

// keyRow returns the row of a command of Redis, as far as its keys go: its name, arity and flags, and what Redis's
// specifications say.
func keyRow(t *testing.T, redis *redistest.Client, name string) command.Spec {
	t.Helper()
	info := ask(t, redis, "COMMAND INFO "+name).Elems[0]
	row := command.Spec{Name: name, Arity: int(info.Elems[1].Int), Keys: keySpecsFrom(t, info.Elems[8])}
	if ours, ok := command.NewTable(command.Rows()).Lookup([]byte(name)); ok {
		row.Access = ours.Access
	}
	switch name {
	case "sort":
		row.Search = sortKeys
		row.Syntax = "key:key [BY pattern:pattern] [LIMIT offset:integer count:integer] [GET pattern:pattern [GET pattern:pattern ...]] " +
			"[ASC | DESC] [ALPHA] [STORE destination:key2]"
	case "migrate":
		row.Search = migrateKeys
		row.Syntax = `host port:integer <key:key | ""> destination-db:integer timeout:integer [COPY] [REPLACE] ` +
			"[AUTH password | AUTH2 username password] [KEYS key:key1 [key:key1 ...]]"
	}
	return row
}

// keySpecsFrom reads the key specifications of COMMAND INFO.
func keySpecsFrom(t *testing.T, specs reply.Reply) (all []command.KeySpec) {
	t.Helper()
	for _, spec := range specs.Elems {
		var access []string
		for _, flag := range value(spec, "flags").Elems {
			access = append(access, strings.ToUpper(string(flag.Str)))
		}
		k := command.KeySpec{Access: strings.Join(access, " ")}
		begin, find := value(spec, "begin_search"), value(spec, "find_keys")
		from, span := value(begin, "spec"), value(find, "spec")
		switch text(begin, "type") {
		case "index":
			k.Index = int(value(from, "index").Int)
		case "keyword":
			k.Index, k.Keyword = int(value(from, "startfrom").Int), text(from, "keyword")
		}
		switch text(find, "type") {
		case "range":
			k.Last, k.Limit = int(value(span, "lastkey").Int), int(value(span, "limit").Int)
		case "keynum":
			k.Counted = true
			if value(span, "keynumidx").Int != 0 || value(span, "firstkey").Int != 1 {
				t.Errorf("keys that do not stand behind their number: %s", tree(spec))
			}
		}
		k.Step = int(value(span, "keystep").Int)
		all = append(all, k)
	}
	return all
}

// TestKeysOf holds the keys that specifications find in a call against those that COMMAND GETKEYSANDFLAGS of a real
// Redis finds.
func TestKeysOf(t *testing.T) {
	redis := redis(t, false)
	for _, line := range []string{
		"get k", "set k v", "set k v get", "set k v xx get", "mset a b", "mset a b c d", "mset a b c", "del a b c", "rename a b", "copy a b", "object|freq k",
		"bitop and d a b", "pfmerge a b c", "pfmerge a", "blpop a b 0", "zrangestore d s 0 1", "watch a b", "restore k 0 x",
		"eval s 2 a b c", "eval s 0", "eval s 0 a", "eval s 3 a b", "eval s 3 a b c d", "eval s -1 a", "eval s 1 1", "eval s 2147483648 a",
		"evalsha s 1 a b", "fcall f 1 a", "fcall f 2 a",
		"zunion 2 a b", "zunion 2 a b weights 1 2", "zunion 1 a b", "zunion 3 a b", "zunionstore d 2 a b", "zunionstore d 9 a b",
		"zunionstore d 0 a", "sintercard 2 a b limit 1", "sintercard 3 a b", "zmpop 1 a min", "zmpop 2 a min",
		"lmpop 2 a b left", "lmpop 1 a left", "lmpop 5 a left", "blmpop 0 1 k left", "blmpop 0 2 a b left",
		"xread streams a 0", "xread streams a b 0 0", "xread count 1 streams a b c 0 0 0", "xread streams a b c", "xread block 1 foo a",
		"xread count 1 block 1 streams a 0", "xread count streams streams a 0", "xread Streams a 0", "xread a b streams",
		"xreadgroup group g c streams a 0", "xreadgroup group streams c streams a 0", "xreadgroup group g c count 1 streams a b 0 0",
		"georadius k 1 2 3 m", "georadius k 1 2 3 m store d", "georadius k 1 2 3 m store d storedist e", "georadius k 1 2 3 m store",
		"georadius k 1 2 store store m store e",
		"sort k", "sort k store d", "sort k alpha store d", "sort k by store get store store d", "sort k limit store 3 store d",
		"sort k store a store b", "sort k store", "sort k by x get store", "sort k get a get store get b store d asc", "sort_ro k by x",
		`migrate h p k 0 10`, `migrate h p k 0 10 copy replace`, `migrate h p "" 0 10 keys a`, `migrate h p "" 0 10 keys a b c`,
		`migrate h p "" 0 10 copy replace keys a b`, `migrate h p "" 0 10 auth keys keys a b`, `migrate h p "" 0 10 auth2 keys keys keys a`,
		`migrate keys keys k 0 10`, `migrate h p "" 0 10 keys keys a`, `migrate h p "" 0 10`,
		"publish c m", "spublish c m", "ping m",
	} {
		words := strings.Fields(strings.ReplaceAll(line, `""`, "EMPTY"))
		for i, w := range words {
			words[i] = strings.TrimSuffix(w, "EMPTY")
		}
		name := words[0]
		words = append(strings.Split(name, "|"), words[1:]...)
		checkKeysOf(t, redis, keyRow(t, redis, name), words)
	}
}

// checkKeysOf compares the keys that a row finds in a call with those of Redis.
func checkKeysOf(t *testing.T, redis *redistest.Client, row command.Spec, words []string) {
	t.Helper()
	table := command.NewTable([]command.Spec{row})
	s := &table.All()[0]
	var argv [][]byte
	for _, w := range words {
		argv = append(argv, []byte(w))
	}
	var got, want []string
	for _, k := range s.KeysOf(argv) {
		got = append(got, fmt.Sprintf("%q %s", argv[k.At], strings.ReplaceAll(s.AccessOf(argv, k), " INCOMPLETE", "")))
	}
	answer, err := redis.Cmd(append([]string{"COMMAND", "GETKEYSANDFLAGS"}, words...)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range answer.Elems {
		var flags []string
		for _, f := range e.Elems[1].Elems {
			flags = append(flags, strings.ToUpper(string(f.Str)))
		}
		want = append(want, fmt.Sprintf("%q %s", e.Elems[0].Str, strings.Join(flags, " ")))
	}
	if keyless := answer.Kind == reply.Error && strings.Contains(string(answer.Str), "no key arguments"); keyless == s.HasKeys() {
		t.Errorf("%q: HasKeys is %v, Redis answers %q", words, s.HasKeys(), answer.Str)
	}
	if a, b := strings.Join(got, ", "), strings.Join(want, ", "); a != b {
		t.Errorf("%q: got %s\nRedis %s", words, a, b)
	}
}
