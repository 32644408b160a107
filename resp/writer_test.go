package resp

import (
	"bufio"
	"bytes"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"cairn/fsm/reply"
)

func encoded(r reply.Reply, resp3 bool) string {
	w := writer{resp3: resp3}
	w.reply(r)
	return string(w.buf)
}

func TestEncode(t *testing.T) {
	for _, test := range []struct {
		r            reply.Reply
		resp2, resp3 string
	}{
		{reply.OK(), "+OK\r\n", "+OK\r\n"},
		{reply.Statusf("a\r\nb"), "+a  b\r\n", "+a  b\r\n"},
		{reply.Errorf("ERR a\nb").Reply(), "-ERR a b\r\n", "-ERR a b\r\n"},
		{reply.Int(-42), ":-42\r\n", ":-42\r\n"},
		{reply.BulkString("a\r\nb"), "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n"},
		{reply.BulkBytes(nil), "$0\r\n\r\n", "$0\r\n\r\n"},
		{reply.Nil(), "$-1\r\n", "_\r\n"},
		{reply.NilArray(), "*-1\r\n", "_\r\n"},
		{reply.ArrayOf(), "*0\r\n", "*0\r\n"},
		{reply.ArrayOf(reply.Int(1), reply.ArrayOf(reply.Nil())), "*2\r\n:1\r\n*1\r\n$-1\r\n", "*2\r\n:1\r\n*1\r\n_\r\n"},
		{reply.MapOf(reply.Int(1), reply.Int(2)), "*2\r\n:1\r\n:2\r\n", "%1\r\n:1\r\n:2\r\n"},
		{reply.SetOf(reply.Int(1)), "*1\r\n:1\r\n", "~1\r\n:1\r\n"},
		{reply.Reply{Kind: reply.Push, Elems: []reply.Reply{reply.Int(1)}}, "*1\r\n:1\r\n", ">1\r\n:1\r\n"},
		{reply.DoubleOf(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"},
		{reply.Reply{Kind: reply.Double, Float: 1.5, Str: []byte("1.50")}, "$4\r\n1.50\r\n", ",1.50\r\n"},
		{reply.DoubleOf(math.Inf(-1)), "$4\r\n-inf\r\n", ",-inf\r\n"},
		{reply.DoubleOf(math.NaN()), "$3\r\nnan\r\n", ",nan\r\n"},
		{reply.Reply{Kind: reply.Bool, Int: 1}, ":1\r\n", "#t\r\n"},
		{reply.Reply{Kind: reply.Bool}, ":0\r\n", "#f\r\n"},
		{reply.Reply{Kind: reply.BigNumber, Str: []byte("123")}, "$3\r\n123\r\n", "(123\r\n"},
		{reply.VerbatimText("hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"},
		{reply.Reply{Kind: reply.None}, "", ""},
	} {
		if got := encoded(test.r, false); got != test.resp2 {
			t.Errorf("%+v as RESP2: %q, want %q", test.r, got, test.resp2)
		}
		if got := encoded(test.r, true); got != test.resp3 {
			t.Errorf("%+v as RESP3: %q, want %q", test.r, got, test.resp3)
		}
	}
}

// TestEncodeAsRedis compares every kind with what Redis sends for it.
func TestEncodeAsRedis(t *testing.T) {
	three := []reply.Reply{reply.Int(0), reply.Int(1), reply.Int(2)}
	no, yes := reply.Reply{Kind: reply.Bool}, reply.Reply{Kind: reply.Bool, Int: 1}
	redis := dial(t, startRedis(t, "--enable-debug-command", "yes"))
	for _, proto := range []string{"2", "3"} {
		redis.do("HELLO", proto)
		for name, r := range map[string]reply.Reply{
			"string": reply.BulkString("Hello World"), "integer": reply.Int(12345), "double": reply.DoubleOf(3.141),
			"null": reply.Nil(), "array": reply.ArrayOf(three...), "set": reply.SetOf(three...),
			"map":    reply.MapOf(reply.Int(0), no, reply.Int(1), yes, reply.Int(2), no),
			"bignum": {Kind: reply.BigNumber, Str: []byte("1234567999999999999999999999999999999")},
			"true":   yes, "false": no, "verbatim": reply.VerbatimText("This is a verbatim\nstring"),
		} {
			redis.ask("DEBUG PROTOCOL "+name+"\r\n", encoded(r, proto == "3"))
		}
	}
}

func TestDoublesAsRedis(t *testing.T) {
	redis := dial(t, startRedis(t))
	values := []float64{0, 1, -1, 0.1, 1.0 / 3, 3.1000000000000001, 1e15, 1e16, 1e17, 1e18, 123456789012345678, 1e-4, 1e-5, 1.5e-5, 5e-324,
		math.MaxFloat64, 1e21, 1e22, 1e100, math.Inf(1), math.Inf(-1)}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		if f := math.Float64frombits(rng.Uint64()); !math.IsNaN(f) {
			values = append(values, f)
		}
		values = append(values, rng.NormFloat64()*math.Pow(10, float64(rng.IntN(40)-20)), float64(rng.IntN(1e6))/100)
	}
	for _, proto := range []string{"2", "3"} {
		redis.do("HELLO", proto)
		for _, f := range values {
			redis.do("ZADD", "z", strconv.FormatFloat(f, 'e', 17, 64), "m")
			redis.ask("ZSCORE z m\r\n", encoded(reply.DoubleOf(f), proto == "3"))
		}
	}
}

func TestEncodeDecode(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		r := randomReply(rng, 3)
		got, err := readReply(bufio.NewReader(bytes.NewReader([]byte(encoded(r, true)))))
		if err != nil || !sameReply(got, r) {
			t.Fatalf("%+v became %+v, %v", r, got, err)
		}
	}
}

func randomReply(rng *rand.Rand, depth int) reply.Reply {
	text := make([]byte, rng.IntN(20))
	for i := range text {
		text[i] = byte(rng.Uint32())
	}
	line := bytes.Map(func(r rune) rune { return 'a' + r%26 }, text)
	kind := reply.Kind(rng.IntN(int(reply.None)))
	switch kind {
	case reply.Array, reply.Map, reply.Set, reply.Push:
		r := reply.Reply{Kind: kind, Elems: []reply.Reply{}}
		for range rng.IntN(4) * 2 * depth {
			r.Elems = append(r.Elems, randomReply(rng, depth-1))
		}
		return r
	case reply.NullArray, reply.Null:
		return reply.Nil()
	case reply.Integer:
		return reply.Int(int64(rng.Uint64()))
	case reply.Bool:
		return reply.Reply{Kind: kind, Int: int64(rng.IntN(2))}
	case reply.Double:
		return reply.DoubleOf(math.Float64frombits(rng.Uint64()))
	case reply.Bulk, reply.Verbatim:
		return reply.Reply{Kind: kind, Str: text}
	}
	return reply.Reply{Kind: kind, Str: line}
}
