package resp

import (
	"fmt"
	"slices"
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
	case kindKey:
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
	one := []command.KeySpec{{First: 1, Last: 1, Step: 1}}
	for _, test := range []struct {
		name, syntax string
		keys         []command.KeySpec
		first        int
		want         string
	}{
		{"none", "", nil, 1, ""},
		{"values", "key value", one, 1, "key:key0 value:string"},
		{"no key", "key value", nil, 1, "key:string value:string"},
		{"types", "index pattern score unix-time-seconds name", nil, 1,
			"index:integer pattern:pattern score:double unix-time-seconds:unix-time name:string"},
		{"options", "key [NX | XX] [GET]", one, 1,
			"key:key0 oneof(NX=nx:pure-token XX=xx:pure-token)[optional] GET=get:pure-token[optional]"},
		{"tokens with values", "[EX seconds | KEEPTTL] [LIMIT offset count]", nil, 1,
			"oneof(EX=seconds:integer KEEPTTL=keepttl:pure-token)[optional] LIMIT=block(offset:integer count:integer)[optional]"},
		{"an option of an option", "[COUNT count [ANY]]", nil, 1, "block(COUNT=count:integer ANY=any:pure-token[optional])[optional]"},
		{"must choose", "BY <LEFT | name>", nil, 1, "BY=oneof(LEFT=left:pure-token name:string)"},
		{"keys", "key [key ...]", []command.KeySpec{{First: 1, Last: -1, Step: 1}}, 1, "key:key0[multiple]"},
		{"pairs", "key value [key value ...]", []command.KeySpec{{First: 1, Last: -1, Step: 2}}, 1,
			"block(key:key0 value:string)[multiple]"},
		{"two specs", "source destination [DB destination-db]", []command.KeySpec{{First: 1, Last: 1, Step: 1}, {First: 2, Last: 2, Step: 1}}, 1,
			"source:key0 destination:key1 DB=destination-db:integer[optional]"},
		{"a subcommand's", "key", []command.KeySpec{{First: 2, Last: 2, Step: 1}}, 2, "key:key0"},
		{"perhaps many", "[name ...]", nil, 1, "name:string[optional multiple]"},
		{"one or many, if any", "[name [name ...]]", nil, 1, "name:string[optional multiple]"},
		{"token once", "[ID client-id [client-id ...]]", nil, 1, "ID=client-id:integer[optional multiple]"},
		{"token each time", "[GET pattern [GET pattern ...]]", nil, 1, "GET=pattern:pattern[optional multiple multiple_token]"},
		{"not the same again", "a [b ...]", nil, 1, "a:string b:string[optional multiple]"},
		{"choice of all", "ip:port | [ID client-id] [ADDR ip:port]", nil, 1,
			"oneof(ip:port:string block(ID=client-id:integer[optional] ADDR=ip:port:string[optional]))"},
		{"a key behind an option", "[NX] key", one, 1, "NX=nx:pure-token[optional] key:string"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args, ok := argumentsOf(&command.Spec{Syntax: test.syntax, Keys: test.keys}, test.first)
			if got := outline(args); !ok || got != test.want {
				t.Errorf("got %s, %v\nwant %s", got, ok, test.want)
			}
		})
	}
	for _, bad := range []string{"[", "]", "<a", "a>", "[a>", "<a]", "a [b", "[[a]"} {
		if _, ok := argumentsOf(&command.Spec{Syntax: bad}, 1); ok {
			t.Errorf("%q is read", bad)
		}
	}
}

// TestCommandSyntaxes holds: every row's Syntax can be read.
func TestCommandSyntaxes(t *testing.T) {
	for _, row := range command.NewTable(command.Rows(), localRows()).All() {
		for _, s := range append(row.Subs, row) {
			if _, ok := argumentsOf(&s, 1); !ok {
				t.Errorf("%s %s: cannot read the syntax %q", row.Name, s.Name, s.Syntax)
			}
		}
	}
}

// ambiguous are the commands whose arguments a Syntax cannot say: here a token is of the first of several values.
var ambiguous = []string{"geosearch", "geosearchstore"}

// TestCommandSyntaxOfRedis writes the arguments of every command of a real Redis as a Syntax and reads them again.
func TestCommandSyntaxOfRedis(t *testing.T) {
	redis := dial(t, startRedis(t))
	var check func(docs reply.Reply)
	n := 0
	check = func(docs reply.Reply) {
		for i := 0; i+1 < len(docs.Elems); i += 2 {
			doc := docs.Elems[i+1]
			check(field(doc, "subcommands"))
			want := argumentsFrom(field(doc, "arguments"))
			syntax := syntaxOf(want, " ")
			got, ok := argumentsOf(&command.Spec{Syntax: syntax}, 1)
			name := string(docs.Elems[i].Str)
			if a, b := outline(plain(got)), outline(plain(want)); !ok || a != b && !slices.Contains(ambiguous, name) {
				t.Errorf("%s: %s is read as\n%s\nwant\n%s", name, syntax, a, b)
			}
			n++
		}
	}
	check(redis.do("COMMAND", "DOCS"))
	if n < 300 {
		t.Errorf("Redis documents %d commands", n)
	}
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
			args: argumentsFrom(field(d, "arguments")),
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

// syntaxOf writes arguments as a Syntax.
func syntaxOf(args []argument, separator string) string {
	all := make([]string, len(args))
	for i, a := range args {
		s := a.name
		switch a.kind {
		case kindPureToken:
			s = ""
		case kindOneOf:
			s = "<" + syntaxOf(a.args, " | ") + ">"
		case kindBlock:
			s = "<" + syntaxOf(a.args, " ") + ">"
		}
		again := s
		if s = strings.TrimSpace(a.token + " " + s); a.multipleToken {
			again = s
		}
		if a.multiple {
			s += " [" + again + " ...]"
		}
		if a.optional {
			s = "[" + s + "]"
		}
		all[i] = s
	}
	return strings.Join(all, separator)
}

// plain leaves out what a Syntax does not say: types of values, names of pure tokens, and blocks of one argument.
func plain(args []argument) []argument {
	var all []argument
	for _, a := range args {
		a.args = plain(a.args)
		switch a.kind {
		case kindOneOf, kindBlock:
		case kindPureToken:
			a.name = a.token
		default:
			a.kind = kindString
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
