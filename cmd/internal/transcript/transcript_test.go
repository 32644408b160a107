package transcript_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cairn/cmd/internal/transcript"
	"cairn/fsm/reply"
)

// script answers the commands it is asked with the replies it has, in turn.
type script struct {
	replies []reply.Reply
	asked   []string
	slept   time.Duration
}

func (s *script) Do(argv [][]byte) (reply.Reply, error) {
	s.asked = append(s.asked, fmt.Sprintf("%q", argv))
	if len(s.replies) == 0 {
		return reply.Reply{}, errors.New("the script has ended")
	}
	r := s.replies[0]
	s.replies = s.replies[1:]
	return r, nil
}

func (s *script) Advance(d time.Duration) { s.slept += d }

// witness is a test that keeps what it is failed with.
type witness struct {
	testing.TB
	failures []string
}

func (w *witness) Helper() {}

func (w *witness) Errorf(format string, args ...any) {
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
}

func (w *witness) Fatalf(format string, args ...any) { w.Errorf(format, args...); panic(w) }

// watch runs f with a witness and returns the failures.
func watch(f func(t testing.TB)) []string {
	w := new(witness)
	func() {
		defer func() {
			if p := recover(); p != nil && p != w {
				panic(p)
			}
		}()
		f(w)
	}()
	return w.failures
}

func parse(t *testing.T, src string) []transcript.Case {
	t.Helper()
	cases, err := transcript.Parse("x.txt", strings.TrimPrefix(src, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

func array(elems ...reply.Reply) reply.Reply { return reply.ArrayOf(elems...) }

func bulk(s string) reply.Reply { return reply.BulkString(s) }

func TestParse(t *testing.T) {
	cases := parse(t, `
# A remark. sort, near and after in prose steer nothing:
# near the end, after 5 days

# Case one.
# sort
# near 10
# after 20ms
# redis: skip it is ours
SET "a\x00b" 'it\'s' "" plain"quoted"
  get   k
----
OK
(nil)

MGET a b
GET c
----
1) "x"
2) 1) "y"
   2) (nil)
"z"
`)
	if len(cases) != 3 || len(cases[0].Commands) != 0 || len(cases[1].Commands) != 2 || len(cases[2].Commands) != 2 {
		t.Fatalf("got %+v", cases)
	}
	if c := cases[0]; c.Sort || c.Near != 0 || c.After != 0 {
		t.Errorf("prose steers: %+v", c)
	}
	c := cases[1]
	if !c.Sort || c.Near != 10 || c.After != 20*time.Millisecond || c.SkipWhy != "it is ours" {
		t.Errorf("directives: %+v", c)
	}
	if got := fmt.Sprintf("%q", c.Commands[0].Argv); got != `["SET" "a\x00b" "it's" "" "plainquoted"]` {
		t.Errorf("argv %s", got)
	}
	if c.Commands[1].Pos != "x.txt:10" || string(c.Commands[1].Argv[0]) != "get" {
		t.Errorf("second command %+v", c.Commands[1])
	}
	if want := cases[2].Commands[0].Want; len(want) != 3 || cases[2].Commands[1].Want[0] != `"z"` {
		t.Errorf("replies were parted wrongly: %q", want)
	}
}

func TestParseErrors(t *testing.T) {
	for src, want := range map[string]string{
		"GET k\n----\n":                          "x.txt:2: 1 commands, but 0 replies",
		"\nGET k\n----\nOK\nOK\n":                "x.txt:3: 1 commands, but more replies: OK",
		"GET \"k\n----\nOK\n":                    "x.txt:1: quotes do not balance",
		"GET \"k\"x\n----\nOK\n":                 "x.txt:1: quotes do not balance",
		"# redis: skip\nGET k\n----\nOK\n":       "x.txt:1: write \"# redis: skip <reason>\"",
		"# redis: skip  \nGET k\n----\nOK\n":     "x.txt:1: write \"# redis: skip <reason>\"",
		"# redis: ignore it\nGET k\n----\nOK\n":  "x.txt:1: write \"# redis: skip <reason>\"",
		"# after 5parsecs\nGET k\n----\nOK\n":    "x.txt:1: time: unknown unit",
		"# near 99999999999999999999\nGET k\n":   "x.txt:1: strconv.ParseInt",
		"GET k\n----\n2) \"a\"\n1) \"b\"\n":      "x.txt:2: 1 commands, but more replies",
		"GET k\nGET k\n----\n1) \"a\"\n2) \"b\"": "x.txt:3: 2 commands, but 1 replies",
	} {
		if _, err := transcript.Parse("x.txt", src); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", src, err, want)
		}
	}
}

func TestRender(t *testing.T) {
	ten := array(slices.Repeat([]reply.Reply{reply.Int(7)}, 10)...)
	for _, test := range []struct {
		name string
		r    reply.Reply
		want string
	}{
		{"nil", reply.Nil(), "(nil)"},
		{"nil array", reply.NilArray(), "(nil)"},
		{"status", reply.OK(), "OK"},
		{"error", reply.ErrSyntax.Reply(), "(error) ERR syntax error"},
		{"integer", reply.Int(-1), "(integer) -1"},
		{"bytes", bulk("\a\b\t\n\r\"\\ ~\x7f\xff\x00é"), `"\a\b\t\n\r\"\\ ~\x7f\xff\x00\xc3\xa9"`},
		{"empty array", array(), "(empty array)"},
		{"nested", array(array(bulk("a"), array()), bulk("b")), "1) 1) \"a\"\n   2) (empty array)\n2) \"b\""},
		{"ten", ten, " 1) (integer) 7" + strings.Join(strings.SplitAfter(strings.Repeat("\n X) (integer) 7", 8), "X"), "") + "\n10) (integer) 7"},
		{"map", reply.MapOf(bulk("k"), reply.DoubleOf(0.1)), "1) \"k\"\n2) \"0.10000000000000001\""},
		{"bool", reply.Reply{Kind: reply.Bool, Int: 1}, "(integer) 1"},
		{"verbatim", reply.VerbatimText("a\nb"), `"a\nb"`},
		{"set", reply.SetOf(bulk("a")), `1) "a"`},
	} {
		want := test.want
		for i := 2; i < 10; i++ {
			want = strings.Replace(want, "X", fmt.Sprint(i), 1)
		}
		if got := transcript.Render(test.r); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, got, want)
		}
	}
}

func TestRunPasses(t *testing.T) {
	cases := parse(t, `
# after 20ms
SET k v
GET k
----
OK
"v"

# sort
KEYS *
SCAN 0
----
1) "a"
2) "b"
1) "0"
2) 1) "c"
   2) "d"

# near 5
TTL k
TTL k
----
(integer) 100
1) (integer) 0
`)
	s := &script{replies: []reply.Reply{
		reply.OK(), bulk("v"), array(bulk("b"), bulk("a")), array(bulk("0"), array(bulk("d"), bulk("c"))),
		reply.Int(95), array(reply.Int(5)),
	}}
	transcript.Run(t, cases, s)
	if s.slept != 20*time.Millisecond {
		t.Errorf("%v have passed", s.slept)
	}
	if len(s.asked) != 6 || s.asked[1] != `["GET" "k"]` {
		t.Errorf("asked %s", s.asked)
	}
}

// TestRunFails shows that each kind of wrong reply fails the test, in words that help.
func TestRunFails(t *testing.T) {
	for _, test := range []struct {
		name, src string
		got       reply.Reply
		want      string
	}{
		{"value", "GET k\n----\n\"v\"\n", bulk("w"), "x.txt:1: GET k\n\t- \"v\"\n\t+ \"w\"\n"},
		{"kind", "GET k\n----\n\"OK\"\n", reply.OK(), "x.txt:1: GET k\n\t- \"OK\"\n\t+ OK\n"},
		{"error text", "GET k\n----\n(error) ERR x\n", reply.Errorf("ERR x ").Reply(), "x.txt:1: GET k\n\t- (error) ERR x\n\t+ (error) ERR x \n"},
		{"element", "X\n----\n1) \"a\"\n2) \"b\"\n", array(bulk("a"), bulk("c")), "x.txt:1: X\n\t  1) \"a\"\n\t- 2) \"b\"\n\t+ 2) \"c\"\n"},
		{"length", "X\n----\n1) \"a\"\n", array(bulk("a"), bulk("c")), "x.txt:1: X\n\t  1) \"a\"\n\t+ 2) \"c\"\n"},
		{"order", "X\n----\n1) \"a\"\n2) \"b\"\n", array(bulk("b"), bulk("a")), "x.txt:1: X\n\t- 1) \"a\"\n\t+ 1) \"b\"\n\t- 2) \"b\"\n\t+ 2) \"a\"\n"},
		{"sorted", "# sort\nX\n----\n1) \"a\"\n", array(bulk("b")), "x.txt:2: X\n\t- 1) \"a\"\n\t+ 1) \"b\"\n"},
		{"not near", "# near 5\nX\n----\n(integer) 100\n", reply.Int(94), "x.txt:2: X\n\t- (integer) 100\n\t+ (integer) 94\n"},
		{"never near below zero", "# near 5\nX\n----\n(integer) -1\n", reply.Int(-2), "x.txt:2: X\n\t- (integer) -1\n\t+ (integer) -2\n"},
		{"no reply yet", "GET k\n", bulk("v"), "x.txt:1: GET k: the file has no reply for it; run with -update"},
	} {
		cases := parse(t, test.src)
		got := watch(func(w testing.TB) { transcript.Run(w, cases, &script{replies: []reply.Reply{test.got}}) })
		if len(got) != 1 || got[0] != test.want {
			t.Errorf("%s: got\n%q, want\n%q", test.name, got, test.want)
		}
	}
	got := watch(func(w testing.TB) { transcript.Run(w, parse(t, "GET k\n----\nOK\n"), &script{}) })
	if want := []string{"x.txt:1: GET k: the script has ended"}; !slices.Equal(got, want) {
		t.Errorf("a broken connection: got %q", got)
	}
}

// TestSkip shows that "redis: skip" concerns only a real Redis, and that the commands run even there.
func TestSkip(t *testing.T) {
	const src = "# redis: skip a reason\nGET k\n----\n\"ours\"\n\nGET k\n----\n\"both\"\n"
	replies := func() []reply.Reply { return []reply.Reply{bulk("theirs"), bulk("both")} }
	if got := watch(func(w testing.TB) { transcript.Run(w, parse(t, src), &script{replies: replies()}) }); len(got) != 1 {
		t.Errorf("Cairn: got %q", got)
	}
	if got := watch(func(w testing.TB) { transcript.RunOnRedis(w, parse(t, src), &script{replies: replies()}) }); len(got) != 0 {
		t.Errorf("Redis: got %q", got)
	}
}

func TestUpdate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.txt")
	const src = `# A remark.

# Wrong.
GET k
MGET a b
----
OK
OK


# New.
GET k

# sort
KEYS *
----
1) "b"
2) "a"

# redis: skip a reason
GET k
----
"ours"
`
	const want = `# A remark.

# Wrong.
GET k
MGET a b
----
"v"
1) "x"
2) "y"

# New.
GET k
----
(nil)

# sort
KEYS *
----
1) "b"
2) "a"

# redis: skip a reason
GET k
----
"ours"
`
	if err := os.WriteFile(path, []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	files := transcript.Load(t, path)
	if len(files) != 1 || files[0].Name != "x" {
		t.Fatalf("loaded %+v", files)
	}
	transcript.Update(t, files[0], &script{replies: []reply.Reply{
		bulk("v"), array(bulk("x"), bulk("y")), reply.Nil(), array(bulk("a"), bulk("b")), bulk("theirs"),
	}}, true)
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%v, got\n%s", err, got)
	}
}

func TestCompareKinds(t *testing.T) {
	for _, test := range []struct {
		name, head   string
		ours, theirs reply.Reply
		want         []string
	}{
		{"same", "", array(bulk("a"), reply.Int(1)), array(bulk("b"), reply.Int(2)), nil},
		{"null", "", reply.Nil(), reply.NilArray(), []string{"x.txt:1: X: Cairn's reply is null, Redis's nullarray"}},
		{"element", "", array(bulk("a")), array(reply.OK()), []string{"x.txt:1: X: Cairn's reply is array[bulk], Redis's array[status]"}},
		{"skipped", "# redis: skip a reason\n", reply.Nil(), reply.OK(), nil},
		{"in any order", "# sort\n", array(bulk("a"), reply.Int(1)), array(reply.Int(1), bulk("b")), nil},
		{"fewer", "# sort\n", array(), array(bulk("b")), []string{"x.txt:2: X: Cairn's reply is array[], Redis's array[bulk]"}},
	} {
		cases := parse(t, test.head+"X\n")
		got := watch(func(w testing.TB) {
			transcript.CompareKinds(w, cases, &script{replies: []reply.Reply{test.ours}}, &script{replies: []reply.Reply{test.theirs}})
		})
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestWire(t *testing.T) {
	all := reply.MapOf(bulk("k"), reply.SetOf(reply.DoubleOf(1.5), reply.DoubleOf(math.Inf(-1))), bulk("n"), array(reply.NilArray(), reply.Reply{Kind: reply.Bool, Int: 1}))
	for proto, want := range map[int]string{
		2: "array[bulk array[bulk bulk] bulk array[nullarray int]]",
		3: "map[bulk set[double double] bulk array[null bool]]",
	} {
		if got := transcript.Kinds(transcript.Wire(all, proto)); got != want {
			t.Errorf("RESP%d: got %s, want %s", proto, got, want)
		}
	}
	if got := string(transcript.Wire(all, 2).Elems[1].Elems[1].Str); got != "-inf" {
		t.Errorf("-inf is %q", got)
	}
}
