package console

import (
	"errors"
	"slices"
	"testing"
)

func isErr(got, want error) bool {
	if want == nil {
		return got == nil
	}
	return errors.Is(got, want)
}

func TestSplitArgs(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		want       []string
		bad        bool
	}{
		{name: "empty", line: ""},
		{name: "blanks", line: " \t\r\n\v\f "},
		{name: "plain", line: "  SET  k\tv ", want: []string{"SET", "k", "v"}},
		{name: "double quotes", line: `a "b c" ""`, want: []string{"a", "b c", ""}},
		{name: "escapes", line: `"\n\r\t\b\a\\\"\q\'"`, want: []string{"\n\r\t\b\a\\\"q'"}},
		{name: "hex", line: `"\x00\xfF\x4"`, want: []string{"\x00\xffx4"}},
		{name: "hex without digits", line: `"\xzz\x"`, want: []string{"xzzx"}},
		{name: "single quotes", line: `'a\n\'b"'`, want: []string{`a\n'b"`}},
		{name: "backslash outside", line: `a\nb`, want: []string{`a\nb`}},
		{name: "quote inside", line: `a"b c" d`, want: []string{"ab c", "d"}},
		{name: "utf-8", line: "é 日本", want: []string{"é", "日本"}},
		{name: "vertical tab inside", line: "a\vb", want: []string{"a\vb"}},
		{name: "open double", line: `SET k "v`, bad: true},
		{name: "open single", line: `SET k 'v`, bad: true},
		{name: "open after backslash", line: `"v\`, bad: true},
		{name: "escaped quote only", line: `"v\"`, bad: true},
		{name: "text after double", line: `"a"b`, bad: true},
		{name: "text after single", line: `'a'b`, bad: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := splitArgs(tc.line)
			if ok == tc.bad || !slices.Equal(got, tc.want) {
				t.Errorf("splitArgs(%q) = %q, %v", tc.line, got, ok)
			}
		})
	}
}

// FuzzSplitArgs checks that what the console prints between quotes reads back as the same bytes.
func FuzzSplitArgs(f *testing.F) {
	f.Add("a b", "\x00\xff\"'\\")
	f.Fuzz(func(t *testing.T, line, arg string) {
		splitArgs(line)
		got, ok := splitArgs("x " + string(appendQuoted(nil, arg)) + " y")
		if !ok || !slices.Equal(got, []string{"x", arg, "y"}) {
			t.Errorf("%q came back as %q, %v", arg, got, ok)
		}
	})
}

func TestParseAddr(t *testing.T) {
	for in, want := range map[string]string{
		"7000":              "127.0.0.1:7000",
		":7000":             "127.0.0.1:7000",
		"10.0.0.1:7000":     "10.0.0.1:7000",
		"db.example":        "db.example:6379",
		"db.example:1":      "db.example:1",
		"[::1]:7000":        "[::1]:7000",
		"[::1]":             "[::1]:6379",
		"2001:db8::5:7000":  "[2001:db8::5]:7000",
		"":                  "127.0.0.1:6379",
		"0":                 "",
		"65536":             "",
		"-1":                "",
		"h:":                "",
		"h:x":               "",
		"a b:1":             "",
		"a\x1b[31m:1":       "",
		"[::1:7000":         "",
		"fe80::1":           "",
		"host:7000:garbage": "",
	} {
		got, err := parseAddr(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("parseAddr(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestMovedTo(t *testing.T) {
	for _, tc := range []struct{ text, from, want string }{
		{"MOVED 1 10.0.0.2:7001", "h:1", "10.0.0.2:7001"},
		{"MOVED 1 :7001", "10.0.0.9:7000", "10.0.0.9:7001"},
		{"MOVED 1 :7001", "[::1]:7000", "[::1]:7001"},
		{"MOVED 1 ::1:7001", "h:1", "[::1]:7001"},
		{"MOVED 1", "h:1", ""},
		{"MOVED 1 x:y", "h:1", ""},
		{"MOVEDX 1 h:1", "h:1", ""},
	} {
		got, ok := movedTo(reply{kind: '-', text: tc.text}, tc.from)
		if got != tc.want || ok != (tc.want != "") {
			t.Errorf("movedTo(%q from %s) = %q, %v; want %q", tc.text, tc.from, got, ok, tc.want)
		}
	}
	if _, ok := movedTo(reply{kind: '$', text: "MOVED 1 h:1"}, "h:1"); ok {
		t.Error("a value that looks like MOVED is taken for one")
	}
}
