package command

import (
	"fmt"
	"strings"
	"testing"
)

// write shows an item in one way: choices in <>, optional ones in [], repeated ones with dots, types of values behind
// a colon.
func (it Item) write() string {
	switch {
	case it.Literal():
		return it.Word
	case it.Type == TypeKey:
		return fmt.Sprint(it.Word, ":key", it.KeySpec)
	case it.Word != "":
		return it.Word + ":" + string(it.Type)
	}
	var choices []string
	for _, choice := range it.Choices {
		var ws []string
		for _, child := range choice {
			ws = append(ws, child.write())
		}
		choices = append(choices, strings.Join(ws, " "))
	}
	s := strings.Join(choices, "|")
	if it.Repeated {
		s += "..."
	}
	if it.Optional {
		return "[" + s + "]"
	}
	return "<" + s + ">"
}

func TestParseSyntax(t *testing.T) {
	for _, test := range []struct {
		syntax, want string
		arity        int
		usage        string
	}{
		{"", "<>", 1, ""},
		{"key:key", "<key:key0>", 2, "key"},
		{"source:key destination:key1", "<source:key0 destination:key1>", 3, "source destination"},
		{"key:key [key:key ...]", "<<key:key0...>>", -2, "key [key ...]"},
		{"key:key [member:key ...]", "<key:key0 [member:key0...]>", -2, "key [member ...]"},
		{"key:key value [NX | XX] [EX seconds:integer]", "<key:key0 value:string [NX|XX] [EX seconds:integer]>", -3, "key value [NX | XX] [EX seconds]"},
		{"<LEFT|RIGHT> [GET [x | y z]]", "<<LEFT|RIGHT> [GET [x:string|y:string z:string]]>", -2, "<LEFT|RIGHT> [GET [x | y z]]"},
		{"A b | C d", "<A b:string|C d:string>", 3, "A b | C d"},
		{"a <b | C d>", "<a:string <b:string|C d:string>>", -3, "a <b | C d>"},
		{"[a] b", "<[a:string] b:string>", -2, "[a] b"},
		{"ip:port at:unix-time x:nosuch w:double p:pattern s:string",
			"<ip:port:string at:unix-time x:nosuch:string w:double p:pattern s:string>", 7, "ip:port at x:nosuch w p s"},
	} {
		it, err := ParseSyntax(test.syntax)
		if err != nil || it.write() != test.want {
			t.Errorf("%q: got %s, %v, want %s", test.syntax, it.write(), err, test.want)
		}
		s := &NewTable([]Spec{{Name: "x", Syntax: test.syntax}}).rows[0]
		if s.Arity != test.arity || s.Usage() != test.usage {
			t.Errorf("%q: arity %d, usage %q, want %d, %q", test.syntax, s.Arity, s.Usage(), test.arity, test.usage)
		}
	}
	for _, bad := range []string{"[", "]", "<a", "a>", "[a>", "<a]", "a [b", "[[a]", "key [", "key ]"} {
		if it, err := ParseSyntax(bad); err == nil {
			t.Errorf("%q is read as %s", bad, it.write())
		}
	}
}

// TestArity holds what a row says that has subcommands, and that one which gives its arity is believed.
func TestArity(t *testing.T) {
	subs := []Spec{{Name: "a", Syntax: "key:key"}, {Name: "b", Syntax: "[x]"}}
	table := NewTable([]Spec{{Name: "only", Subs: subs}, {Name: "also", Exec: Read(raw, runExists), Subs: subs}, {Name: "own", Arity: -7, Syntax: "x"}})
	for name, want := range map[string][]int{"only": {-2, 3, -2}, "also": {-1, 3, -2}, "own": {-7}} {
		s, _ := table.Lookup([]byte(name))
		got := []int{s.Arity}
		for _, sub := range s.Subs {
			got = append(got, sub.Arity)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if subs[0].Arity != 0 {
		t.Error("the caller's rows were changed")
	}
}
