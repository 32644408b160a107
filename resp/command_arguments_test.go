package resp

import (
	"fmt"
	"strings"
	"testing"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// outline writes arguments so that it can be read, without the names of oneofs and blocks.
func outline(args []argument) string {
	all := make([]string, len(args))
	for i, a := range args {
		all[i] = a.outline()
	}
	return strings.Join(all, " ")
}

func (a argument) outline() string {
	s := a.name + ":" + string(a.kind)
	switch a.kind {
	case command.TypeKey:
		s += fmt.Sprint(a.spec)
	case kindOneOf, kindBlock:
		s = string(a.kind) + "(" + outline(a.args) + ")"
	}
	if a.token != "" {
		s = a.token + "=" + s
	}
	if flags := a.flags(); len(flags) > 0 {
		s += fmt.Sprint(flags)
	}
	return s
}

func TestCommandArguments(t *testing.T) {
	for _, test := range []struct{ name, syntax, want string }{
		{"none", "", ""},
		{"values", "key:key value", "key:key0 value:string"},
		{"no key", "key value", "key:string value:string"},
		{"types", "index:integer pattern:pattern score:double unix-time-seconds:unix-time name:string",
			"index:integer pattern:pattern score:double unix-time-seconds:unix-time name:string"},
		{"options", "key:key [NX | XX] [GET]",
			"key:key0 oneof(NX=nx:pure-token XX=xx:pure-token)[optional] GET=get:pure-token[optional]"},
		{"tokens with values", "[EX seconds:integer | KEEPTTL] [LIMIT offset:integer count:integer]",
			"oneof(EX=seconds:integer KEEPTTL=keepttl:pure-token)[optional] LIMIT=block(offset:integer count:integer)[optional]"},
		{"an option of an option", "[COUNT count:integer [ANY]]", "block(COUNT=count:integer ANY=any:pure-token[optional])[optional]"},
		{"must choose", "BY <LEFT | name>", "BY=oneof(LEFT=left:pure-token name:string)"},
		{"keys", "key:key [key:key ...]", "key:key0[multiple]"},
		{"pairs", "key:key value [key:key value ...]", "block(key:key0 value:string)[multiple]"},
		{"two specs", "source:key destination:key1 [DB destination-db:integer]",
			"source:key0 destination:key1 DB=destination-db:integer[optional]"},
		{"perhaps many", "[name ...]", "name:string[optional multiple]"},
		{"one or many, if any", "[name [name ...]]", "name:string[optional multiple]"},
		{"token once", "[ID client-id:integer [client-id:integer ...]]", "ID=client-id:integer[optional multiple]"},
		{"token each time", "[GET pattern:pattern [GET pattern:pattern ...]]", "GET=pattern:pattern[optional multiple multiple_token]"},
		{"token of the first value", "<BYBOX width:double> height:double", "BYBOX=width:double height:double"},
		{"not the same again", "a [b ...]", "a:string b:string[optional multiple]"},
		{"choice of all", "ip:port | [ID client-id:integer] [ADDR ip:port]",
			"oneof(ip:port:string block(ID=client-id:integer[optional] ADDR=ip:port:string[optional]))"},
		{"a key behind an option", "[NX] key:key", "NX=nx:pure-token[optional] key:key0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args, ok := argumentsOf(&command.Spec{Syntax: test.syntax})
			if got := outline(args); !ok || got != test.want {
				t.Errorf("got %s, %v\nwant %s", got, ok, test.want)
			}
		})
	}
	for _, bad := range []string{"[", "]", "<a", "a>", "[a>", "<a]", "a [b", "[[a]"} {
		if _, ok := argumentsOf(&command.Spec{Syntax: bad}); ok {
			t.Errorf("%q is read", bad)
		}
	}
}

// TestCommandSyntaxes holds: every row's Syntax can be read.
func TestCommandSyntaxes(t *testing.T) {
	for _, row := range command.NewTable(command.Rows(), localRows()).All() {
		for _, s := range append(row.Subs, row) {
			if _, ok := argumentsOf(&s); !ok {
				t.Errorf("%s %s: cannot read the syntax %q", row.Name, s.Name, s.Syntax)
			}
		}
	}
}

// TestFactsAsRedis: of every command of a real Redis, the facts give what it answers to COMMAND INFO and to COMMAND
// DOCS, but for our own tips, summaries and complexities.
func TestFactsAsRedis(t *testing.T) {
	redis := dial(t, startRedis(t))
	n := 0
	table := func(name string, subs []reply.Reply) *command.Spec {
		row := command.Spec{Name: name}
		for _, sub := range subs {
			_, word, _ := strings.Cut(string(sub.Elems[0].Str), "|")
			row.Subs = append(row.Subs, command.Spec{Name: word})
		}
		made, _ := command.NewTable([]command.Spec{row}).Lookup([]byte(name))
		return made
	}
	var check func(name string, row *command.Spec, info, docs reply.Reply)
	check = func(name string, row *command.Spec, info, docs reply.Reply) {
		n++
		ours := infoOf(name, row).Elems
		for i, e := range info.Elems[:9] {
			if got, want := fmt.Sprint(render(ours[i])), fmt.Sprint(render(withoutNotes(e))); got != want && i != 7 {
				t.Errorf("%s: element %d is %s\nwant %s", name, i, got, want)
			}
		}
		got, ok := argumentsOf(row)
		if a, b := outline(plain(got)), outline(plain(argumentsFrom(field(docs, "arguments")))); !ok || a != b {
			t.Errorf("%s: %s is read as\n%s\nwant\n%s", name, row.Syntax, a, b)
		}
		if group, since := string(field(docs, "group").Str), string(field(docs, "since").Str); row.Group != group || row.Since != since {
			t.Errorf("%s: group %q, since %q, want %q, %q", name, row.Group, row.Since, group, since)
		}
		for i := range row.Subs {
			sub := info.Elems[9].Elems[i]
			full := string(sub.Elems[0].Str)
			check(full, &row.Subs[i], sub, field(field(docs, "subcommands"), full))
		}
	}
	docs := redis.do("COMMAND", "DOCS")
	for _, info := range redis.do("COMMAND").Elems {
		name := string(info.Elems[0].Str)
		check(name, table(name, info.Elems[9].Elems), info, field(docs, name))
	}
	if n < 300 {
		t.Errorf("Redis documents %d commands", n)
	}
}

// withoutNotes leaves out what Redis says in words about its key specifications.
func withoutNotes(r reply.Reply) reply.Reply {
	var elems []reply.Reply
	for i, e := range r.Elems {
		if string(e.Str) == "notes" || i > 0 && string(r.Elems[i-1].Str) == "notes" {
			continue
		}
		elems = append(elems, withoutNotes(e))
	}
	r.Elems = elems
	return r
}

func field(m reply.Reply, name string) reply.Reply {
	for i := 0; i+1 < len(m.Elems); i += 2 {
		if string(m.Elems[i].Str) == name {
			return m.Elems[i+1]
		}
	}
	return reply.Nil()
}

// argumentsFrom reads the arguments of COMMAND DOCS.
func argumentsFrom(docs reply.Reply) (args []argument) {
	for _, d := range docs.Elems {
		a := argument{
			name: string(field(d, "name").Str), kind: argumentKind(field(d, "type").Str), token: string(field(d, "token").Str),
			spec: int(field(d, "key_spec_index").Int), args: argumentsFrom(field(d, "arguments")),
		}
		if a.kind == kindPureToken && a.token == "" {
			a.token = `""` // of MIGRATE
		}
		for _, f := range field(d, "flags").Elems {
			switch string(f.Str) {
			case "optional":
				a.optional = true
			case "multiple":
				a.multiple = true
			case "multiple_token":
				a.multipleToken = true
			}
		}
		args = append(args, a)
	}
	return args
}

// plain leaves out what a Syntax does not say: names of pure tokens, and blocks of one argument.
func plain(args []argument) []argument {
	var all []argument
	for _, a := range args {
		a.args = plain(a.args)
		switch a.kind {
		case kindOneOf, kindBlock:
		case kindPureToken:
			a.name = a.token
		}
		if a.kind == kindBlock && len(a.args) == 1 && a.args[0].token == "" {
			one := a.args[0]
			one.token, one.optional, one.multiple, one.multipleToken = a.token, a.optional || one.optional, a.multiple || one.multiple, a.multipleToken
			a = one
		}
		all = append(all, a)
	}
	return all
}
