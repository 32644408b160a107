package difftest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// TestCall shows what a syntax becomes: keys where Keys says, truthful counts, no words but the syntax's.
func TestCall(t *testing.T) {
	g := NewGenerator([]command.Spec{{
		Name: "sintercard", Arity: -3, Syntax: "numkeys:integer key:key [key:key ...] [LIMIT limit:integer]",
	}, {
		Name: "set", Arity: -3, Syntax: "name value [NX | XX]", Keys: []command.KeySpec{{Index: 1, Step: 1}},
	}, {
		Name: "blpop", Arity: -3, Syntax: "key:key timeout:double", Flags: command.FlagBlocking,
	}, {
		Name: "skipped", Arity: 1,
	}}, map[string]string{"skipped": "a reason"}, 1)
	if len(g.rows) != 2 {
		t.Fatalf("rows %v", g.rows)
	}
	lies, limits, many := 0, 0, 0
	for range 1000 {
		argv := g.call(&g.rows[0])
		n := len(argv) - 2
		if len(argv) > 3 && strings.EqualFold(string(argv[len(argv)-2]), "limit") {
			limits++
			n -= 2
		}
		if string(argv[1]) != itoa(int64(n)) {
			lies++
		}
		if n > 2 {
			many++
		}
		set := g.call(&g.rows[1])
		if key := fmt.Sprintf("%q", set[1]); !strings.Contains(fmt.Sprintf("%q", keys), key) {
			t.Fatalf("%s is no key", key)
		}
		if len(set) == 4 && !strings.EqualFold(string(set[3]), "nx") && !strings.EqualFold(string(set[3]), "xx") {
			t.Fatalf("%q", set)
		}
	}
	if lies == 0 || lies > 200 || limits < 200 || limits > 600 || many < 100 {
		t.Errorf("%d counts are wrong, %d limits, %d with more than two keys", lies, limits, many)
	}
}

// TestExpiriesAreFar holds: whatever is spoilt, nothing expires during a test.
func TestExpiriesAreFar(t *testing.T) {
	g := NewGenerator([]command.Spec{{Name: "expire", Syntax: "key:key seconds:integer"}, {Name: "set", Syntax: "key:key value [PX milliseconds:integer]"}}, nil, 1)
	for range 100_000 {
		argv := g.Next()
		for i, arg := range argv {
			at := i == 2 && strings.EqualFold(string(argv[0]), "expire") || i > 2 && strings.EqualFold(string(argv[i-1]), "px")
			var n int64
			if _, err := fmt.Sscan(string(arg), &n); at && err == nil && itoa(n) == string(arg) && 0 < n && n < 100_000 {
				t.Fatalf("%s", line(argv))
			}
		}
	}
}

// TestOffsetsAreNearOrFar holds: whatever is spoilt, no offset makes a string that fills the memory and yet is allowed.
func TestOffsetsAreNearOrFar(t *testing.T) {
	g := NewGenerator([]command.Spec{
		{Name: "setrange", Syntax: "key:key offset:integer value"},
		{Name: "getex", Syntax: "key:key [EX seconds:integer | PX milliseconds:integer]"},
	}, nil, 1)
	const near, far = maxOffset, 512 << 20
	options := 0
	for range 200_000 {
		argv := g.Next()
		if len(argv) < 3 || !strings.EqualFold(string(argv[0]), "setrange") {
			continue
		}
		if key := strings.ToLower(string(argv[1])); key == "ex" || key == "px" {
			options++
		}
		if n, err := strconv.ParseInt(string(argv[2]), 10, 64); err == nil && near < n && n < far {
			t.Fatalf("%s", line(argv))
		}
	}
	if options == 0 {
		t.Error("no key was named as an option")
	}
}

func TestRules(t *testing.T) {
	str, num, list := reply.BulkString, reply.Int, reply.ArrayOf
	fail := func(s string) reply.Reply { return reply.Errorf("%s", s).Reply() }
	for _, test := range []struct {
		argv         [][]byte
		cairn, redis reply.Reply
		want         bool
	}{
		{words("GET", "k"), str("a"), str("a"), true},
		{words("GET", "k"), str("a"), reply.Statusf("a"), false},
		{words("GET", "k"), reply.DoubleOf(1), reply.DoubleOf(2), false},
		{words("MGET", "k"), list(str("a"), str("b")), list(str("b"), str("a")), false},
		{words("KEYS", "*"), list(str("a"), str("b")), list(str("b"), str("a")), true},
		{words("KEYS", "*"), list(str("a"), str("a")), list(str("a")), false},
		{words("TTL", "k"), num(100), num(101), true},
		{words("TTL", "k"), num(100), num(102), false},
		{words("TTL", "k"), num(-1), num(-2), false},
		{words("TTL", "k"), num(0), num(-1), false},
		{words("pttl", "k"), num(100_000), num(101_000), true},
		{words("TTL"), fail("ERR a"), fail("ERR b"), false},
		{words("TTL"), fail("ERR a"), num(1), false},
		{words("Object", "Encoding", "k"), str("embstr"), str("raw"), false},
		{words("OBJECT", "ENCODING", "k"), str("int"), str("listpack"), false},
		{words("OBJECT", "ENCODING", "k"), reply.Nil(), str("raw"), false},
		{words("OBJECT", "IDLETIME", "k"), num(1), num(100), true},
		{words("OBJECT", "IDLETIME", "k"), num(1), reply.Nil(), false},
		{words("x\x00y"), fail("ERR unknown 'x\x00y', with"), fail("ERR unknown 'x', with"), true},
		{words("xy"), fail("ERR unknown 'x\x00y', with"), fail("ERR unknown 'x', with"), false},
		{words("x\x00y"), fail("ERR unknown 'x\x00y', with"), fail("ERR known"), false},
	} {
		run := runner{sides: Sides{Cairn: fixed{test.cairn}, Redis: fixed{test.redis}}}
		what, err := run.step(test.argv)
		if err != nil || (what == "") != test.want {
			t.Errorf("%s: %s and %s: got %q, %v", line(test.argv), show(test.cairn), show(test.redis), what, err)
		}
	}
}

// fixed answers everything with one reply.
type fixed struct{ r reply.Reply }

func (f fixed) Do([][]byte) (reply.Reply, error) { return f.r, nil }
