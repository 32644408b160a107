package parity_test

import (
	"bytes"
	"fmt"
	"go/format"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// TestFacts: the table of facts is what a real Redis says of its commands. Run with -update to rewrite it.
func TestFacts(t *testing.T) {
	const path = "../../../fsm/command/facts.go"
	redis := redis(t, false)
	w := factsWriter{t: t, docs: make(map[string]reply.Reply), rows: make(map[string]string)}
	w.noteDocs(ask(t, redis, "COMMAND DOCS"))
	for _, info := range ask(t, redis, "COMMAND").Elems {
		w.noteRow(info)
	}
	want := w.file()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what Redis says (%v); run go test ./cmd/internal/parity -run TestFacts -update", path, err)
	}
}

// factsWriter makes the table of facts.
type factsWriter struct {
	t    *testing.T
	docs map[string]reply.Reply // by full name
	rows map[string]string      // Go text, by full name
}

// noteDocs notes a map of COMMAND DOCS.
func (w factsWriter) noteDocs(docs reply.Reply) {
	for i := 0; i+1 < len(docs.Elems); i += 2 {
		w.docs[string(docs.Elems[i].Str)] = docs.Elems[i+1]
		w.noteDocs(value(docs.Elems[i+1], "subcommands"))
	}
}

// noteRow notes an element of COMMAND INFO.
func (w factsWriter) noteRow(info reply.Reply) {
	e := info.Elems
	full := string(e[0].Str)
	doc := w.docs[full]
	row := command.Spec{Name: full, Syntax: syntax(value(doc, "arguments"))}
	w.rows[full] = "Spec{Flags: " + w.flags(e[2])
	if arity := int(e[1].Int); arity != arityOf(row, full, len(e[9].Elems) > 0) {
		w.rows[full] += fmt.Sprintf(", Arity: %d", arity)
	}
	if keys := keySpecsFrom(w.t, e[8]); len(keys) > 0 {
		w.rows[full] += ",\nKeys: " + keysText(keys)
	}
	w.rows[full] += fmt.Sprintf(",\nGroup: %q, Since: %q", text(doc, "group"), text(doc, "since"))
	for _, f := range [][2]string{
		{"Cost", formula(text(doc, "complexity"))}, {"ACL", strings.ReplaceAll(joined(e[6]), "@", "")}, {"Tips", ourTips(joined(e[7]))},
	} {
		if f[1] != "" {
			w.rows[full] += fmt.Sprintf(", %s: %q", f[0], f[1])
		}
	}
	if row.Syntax != "" {
		w.rows[full] += fmt.Sprintf(",\nSyntax: %s", quote(row.Syntax))
	}
	w.rows[full] += "}"
	for _, sub := range e[9].Elems {
		w.noteRow(sub)
	}
}

func (w factsWriter) flags(flags reply.Reply) string {
	var names []string
	for _, f := range flags.Elems {
		name, ok := flagNames()[string(f.Str)]
		if !ok {
			w.t.Errorf("unknown flag %q", f.Str)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "0"
	}
	return strings.Join(names, " | ")
}

// flagNames are the names of the flags in fsm/command, by Redis's.
func flagNames() map[string]string {
	return map[string]string{
		"write": "FlagWrite", "readonly": "FlagReadOnly", "denyoom": "FlagDenyOOM", "admin": "FlagAdmin", "pubsub": "FlagPubSub",
		"noscript": "FlagNoScript", "blocking": "FlagBlocking", "loading": "FlagLoading", "stale": "FlagStale",
		"skip_monitor": "FlagSkipMonitor", "skip_slowlog": "FlagSkipSlowlog", "asking": "FlagAsking", "fast": "FlagFast",
		"no_auth": "FlagNoAuth", "may_replicate": "FlagMayReplicate", "no_mandatory_keys": "FlagNoMandatoryKeys",
		"no_async_loading": "FlagNoAsyncLoading", "no_multi": "FlagNoMulti", "movablekeys": "FlagMovableKeys",
		"allow_busy": "FlagAllowBusy",
	}
}

// arityOf returns the arity that follows from a row's Syntax.
func arityOf(row command.Spec, full string, container bool) int {
	top, sub, isSub := strings.Cut(full, "|")
	row.Name = "none " + top // no command of Redis: there are no facts to follow from
	if container {
		row.Subs = []command.Spec{{Name: "none"}}
	}
	if isSub {
		row.Name = sub
		row = command.Spec{Name: "none " + top, Subs: []command.Spec{row}}
	}
	made := command.NewTable([]command.Spec{row}).All()[0]
	if isSub {
		return made.Subs[0].Arity
	}
	return made.Arity
}

func keysText(keys []command.KeySpec) string {
	var all []string
	for _, k := range keys {
		var fields []string
		for _, f := range []struct {
			name string
			zero bool
			text string
		}{
			{"Index", k.Index == 0, fmt.Sprint(k.Index)}, {"Keyword", k.Keyword == "", fmt.Sprintf("%q", k.Keyword)},
			{"Counted", !k.Counted, "true"}, {"Last", k.Last == 0, fmt.Sprint(k.Last)}, {"Limit", k.Limit == 0, fmt.Sprint(k.Limit)},
			{"Step", k.Step == 0, fmt.Sprint(k.Step)}, {"Access", k.Access == "", fmt.Sprintf("%q", k.Access)},
		} {
			if !f.zero {
				fields = append(fields, f.name+": "+f.text)
			}
		}
		all = append(all, "{"+strings.Join(fields, ", ")+"}")
	}
	return "[]KeySpec{" + strings.Join(all, ", ") + "}"
}

// quote writes a string so that it can be read.
func quote(s string) string {
	if strings.Contains(s, `"`) {
		return "`" + s + "`"
	}
	return fmt.Sprintf("%q", s)
}

func joined(set reply.Reply) string {
	var all []string
	for _, e := range set.Elems {
		all = append(all, string(e.Str))
	}
	return strings.Join(all, " ")
}

// ourTips leaves out what would make clients part a call: one shard has all slots, see oneShard.
func ourTips(tips string) string {
	if strings.Contains(tips, "request_policy:multi_shard") {
		return ""
	}
	return tips
}

// formula returns the first O(…) of a complexity, whose words are not ours to say.
func formula(complexity string) string {
	from := strings.Index(complexity, "O(")
	if from < 0 {
		return ""
	}
	depth := 0
	for i, c := range complexity[from:] {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return complexity[from : from+i+1]
			}
		}
	}
	return ""
}

// syntax writes the arguments of COMMAND DOCS as a row's Syntax.
func syntax(args reply.Reply) string {
	if len(args.Elems) == 1 && text(args.Elems[0], "type") == "oneof" && text(args.Elems[0], "token") == "" && value(args.Elems[0], "flags").Elems == nil {
		return sequence(value(args.Elems[0], "arguments").Elems, " | ")
	}
	return sequence(args.Elems, " ")
}

func sequence(args []reply.Reply, separator string) string {
	var all []string
	for i, a := range args {
		s := syntaxOf(a)
		if i+1 < len(args) && separator == " " && text(a, "token") != "" && text(a, "type") != "pure-token" && s[0] != '[' && text(args[i+1], "token") == "" {
			s = "<" + s + ">" // or the token would take the next value too
		}
		all = append(all, s)
	}
	return strings.Join(all, separator)
}

// syntaxOf writes one argument, with as few brackets as can be.
func syntaxOf(a reply.Reply) string {
	token, flags := text(a, "token"), joined(value(a, "flags"))
	s, bare := "", "" // bare is s without the brackets that hold it together
	inner := value(a, "arguments").Elems
	switch kind := text(a, "type"); kind {
	case "pure-token":
		if token == "" {
			token = `""` // of MIGRATE
		}
	case "oneof":
		bare = sequence(inner, " | ")
		s = "<" + bare + ">"
	case "block":
		bare = sequence(inner, " ")
		s = "<" + bare + ">"
		if len(inner) == 1 && s[1] != '[' {
			s = bare
		}
		if strings.Contains(flags, "multiple") && token == "" || token != "" && !slices.ContainsFunc(inner, complicated) {
			s = bare
		}
	case "string":
		s = text(a, "name")
	case "key":
		s = text(a, "name") + ":key"
		if n := value(a, "key_spec_index").Int; n > 0 {
			s += fmt.Sprint(n)
		}
	default:
		s = text(a, "name") + ":" + kind
	}
	again := s
	if s = strings.TrimSpace(token + " " + s); strings.Contains(flags, "multiple_token") {
		again = s
	}
	optional, multiple := strings.Contains(flags, "optional"), strings.Contains(flags, "multiple")
	switch {
	case multiple && optional && token == "":
		return "[" + s + " ...]"
	case multiple:
		s += " [" + again + " ...]"
	case bare != "" && optional && token == "":
		s = bare
	}
	if optional {
		s = "[" + s + "]"
	}
	return s
}

// complicated tells whether an argument is more than a value, which a token before it takes without brackets.
func complicated(a reply.Reply) bool {
	return text(a, "token") != "" || len(value(a, "flags").Elems)+len(value(a, "arguments").Elems) > 0
}

// file returns the table as a file of Go.
func (w factsWriter) file() []byte {
	var b bytes.Buffer
	commands := 0
	for name := range w.rows { //lint:sorted it is counted
		if !strings.Contains(name, "|") {
			commands++
		}
	}
	fmt.Fprintf(&b, `// Code generated by go test ./cmd/internal/parity -run TestFacts -update; DO NOT EDIT.

package command

// RedisCommands is how many commands redis-server 7.0 has, subcommands left out.
const RedisCommands = %d

// RedisFacts returns what redis-server 7.0 says of a command, by its full name, such as "client|kill": Flags, Keys,
// Group, Since, ACL, Tips, Syntax, the formula of Cost, and Arity where it does not follow from the Syntax. ok is
// false for what it does not know.
func RedisFacts(name string) (facts Spec, ok bool) {
	switch name {
`, commands)
	for _, name := range slices.Sorted(maps.Keys(w.rows)) {
		fmt.Fprintf(&b, "case %q:\nreturn %s, true\n", name, strings.ReplaceAll(w.rows[name], "Flags: 0, ", ""))
	}
	b.WriteString("}\nreturn Spec{}, false\n}\n")
	text, err := format.Source(bytes.ReplaceAll(b.Bytes(), []byte("Flags: 0,\n"), nil))
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}
