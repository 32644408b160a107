package console

import (
	"strings"
	"testing"
)

// wireReplies are replies that TestFormat checks by hand and TestFormatLikeRedisCLI against redis-cli.
func wireReplies() []struct{ name, wire, pretty, raw string } {
	return []struct{ name, wire, pretty, raw string }{
		{"status", "+OK\r\n", "OK\n", "OK\n"},
		{"error", "-ERR no\r\n", "(error) ERR no\n", "ERR no\n\n"},
		{"integer", ":-7\r\n", "(integer) -7\n", "-7\n"},
		{"bulk", "$3\r\nabc\r\n", "\"abc\"\n", "abc\n"},
		{"empty bulk", "$0\r\n\r\n", "\"\"\n", "\n"},
		{"binary", "$14\r\n\"\\\n\r\t\a\b\v\x00\x7f\xc3\xa9~ \r\n", `"\"\\\n\r\t\a\b\x0b\x00\x7f\xc3\xa9~ "` + "\n",
			"\"\\\n\r\t\a\b\v\x00\x7f\xc3\xa9~ \n"},
		{"nil bulk", "$-1\r\n", "(nil)\n", "\n"},
		{"nil array", "*-1\r\n", "(nil)\n", "\n"},
		{"empty array", "*0\r\n", "(empty array)\n", "\n"},
		{"array", "*3\r\n$1\r\na\r\n:2\r\n$-1\r\n", "1) \"a\"\n2) (integer) 2\n3) (nil)\n", "a\n2\n\n"},
		{"nested", "*2\r\n*2\r\n$1\r\na\r\n*1\r\n+b\r\n*0\r\n",
			"1) 1) \"a\"\n   2) 1) b\n2) (empty array)\n", "a\nb\n\n"},
		{"ten", "*10\r\n" + strings.Repeat("*2\r\n:1\r\n:2\r\n", 10), ten(), strings.Repeat("1\n2\n", 10)},
		{"error inside", "*2\r\n-ERR x\r\n+y\r\n", "1) (error) ERR x\n2) y\n", "ERR x\n\ny\n"},
		{"null", "_\r\n", "(nil)\n", "\n"},
		{"double", ",3.25\r\n", "(double) 3.25\n", "3.25\n"},
		{"infinity", ",-inf\r\n", "(double) -inf\n", "-inf\n"},
		{"true", "#t\r\n", "(true)\n", "(true)\n"},
		{"false", "#f\r\n", "(false)\n", "(false)\n"},
		{"verbatim", "=10\r\ntxt:a \"b\"\n\r\n", "a \"b\"\n\n", "a \"b\"\n\n"},
		{"map", "%2\r\n$1\r\nk\r\n:1\r\n+l\r\n*2\r\n+x\r\n+y\r\n",
			"1# \"k\" => (integer) 1\n2# l => \n   1) x\n   2) y\n", "k 1\nl x\ny\n"},
		{"map of lists", "%3\r\n+a\r\n*1\r\n+x\r\n+b\r\n%2\r\n+k\r\n*0\r\n+l\r\n*-1\r\n+c\r\n~2\r\n+x\r\n+y\r\n",
			"1# a => 1) x\n2# b => \n   1# k => (empty array)\n   2# l => (nil)\n3# c => \n   1~ x\n   2~ y\n",
			"a x\nb k \nl \nc x\ny\n"},
		{"list as key", "%1\r\n*2\r\n+a\r\n+b\r\n:1\r\n", "1# 1) a\n   2) b => (integer) 1\n", "a\nb 1\n"},
		{"map in array", "*1\r\n%1\r\n+k\r\n%1\r\n+l\r\n+v\r\n", "1) 1# k => 1# l => v\n", "k l v\n"},
		{"empty map", "%0\r\n", "(empty hash)\n", "\n"},
		{"set", "~2\r\n+a\r\n#f\r\n", "1~ a\n2~ (false)\n", "a\n(false)\n"},
		{"empty set", "~0\r\n", "(empty set)\n", "\n"},
	}
}

func ten() string {
	var b strings.Builder
	for _, n := range []string{" 1", " 2", " 3", " 4", " 5", " 6", " 7", " 8", " 9", "10"} {
		b.WriteString(n + ") 1) (integer) 1\n    2) (integer) 2\n")
	}
	return b.String()
}

func format(t *testing.T, args []string, wire string, raw bool) string {
	t.Helper()
	rep, err := newReplyReader(strings.NewReader(wire)).next()
	if err != nil {
		t.Fatal(err)
	}
	return string(appendReply(nil, args, rep, raw))
}

func TestFormat(t *testing.T) {
	for _, tc := range wireReplies() {
		t.Run(tc.name, func(t *testing.T) {
			if got := format(t, []string{"GET"}, tc.wire, false); got != tc.pretty {
				t.Errorf("for people %q, want %q", got, tc.pretty)
			}
			if got := format(t, []string{"GET"}, tc.wire, true); got != tc.raw {
				t.Errorf("raw %q, want %q", got, tc.raw)
			}
		})
	}
}

// TestFormatReport checks the commands whose text is printed as it is, and what redis-cli 7.0 cannot print at all.
func TestFormatReport(t *testing.T) {
	for _, tc := range []struct{ args, wire, want string }{
		{"INFO", "$8\r\n# A\r\nb:1\r\n", "# A\r\nb:1\n"},
		{"info foo", "$0\r\n\r\n", ""},
		{"CLUSTER NODES", "$2\r\na\n\r\n", "a\n"},
		{"CLUSTER SLOTS", "*0\r\n", "(empty array)\n"},
		{"CLIENT LIST", "$2\r\na\n\r\n", "a\n"},
		{"LATENCY GRAPH x", "$2\r\na\n\r\n", "a\n"},
		{"MEMORY DOCTOR", "$2\r\na\n\r\n", "a\n"},
		{"GET big", "(123456789012345678901\r\n", "123456789012345678901\n"},
		{"GET push", ">0\r\n", "(empty push)\n"},
		{"GET blob", "!5\r\nERR x\r\n", "(error) ERR x\n"},
	} {
		if got := format(t, strings.Fields(tc.args), tc.wire, false); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.args, got, tc.want)
		}
	}
}
