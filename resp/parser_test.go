package resp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func testLimits() limits { return limits{bulk: 512 << 20, buffer: 1 << 30} }

// pieces is a reader that hands data out in pieces whose sizes come from next.
type pieces struct {
	data []byte
	next func() int
}

func (r *pieces) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), max(1, r.next()))], r.data)
	r.data = r.data[n:]
	return n, nil
}

// parseAll parses everything that rd yields.
func parseAll(rd io.Reader, l limits) (calls [][][]byte, err error) {
	p := newParser(l)
	for {
		argv, err := p.nextCall()
		switch {
		case err != nil:
			return calls, err
		case argv != nil:
			calls = append(calls, cloneArgs(argv))
			continue
		}
		p.recycle()
		if _, err := p.fill(rd); err != nil {
			return calls, nil
		}
	}
}

func cloneArgs(argv [][]byte) [][]byte {
	c := make([][]byte, len(argv))
	for i, a := range argv {
		c[i] = bytes.Clone(a)
	}
	return c
}

func show(calls [][][]byte) string {
	var s strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&s, "%.200q;", c)
	}
	return s.String()
}

func TestParse(t *testing.T) {
	for _, test := range []struct{ in, want, err string }{
		{in: "PING\r\n", want: `["PING"];`},
		{in: "PING\n", want: `["PING"];`},
		{in: "PING"},
		{in: "\r\n\n \t\r\nPING\r\n", want: `["PING"];`},
		{in: "*0\r\n*-1\r\n*-9\r\nPING\r\n", want: `["PING"];`},
		{in: "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", want: `["ECHO" ""];`},
		{in: "*1\r\n$4\r\nPINGxx*1\r\n$1\r\na\r\n", want: `["PING"];["a"];`},
		{in: "*1\r\n$9223372036854775807\r\nx\r\n", err: "invalid bulk length"},
		{in: "*1\r\n$536870913\r\n", err: "invalid bulk length"},
		{in: "*1\r\n$-1\r\n", err: "invalid bulk length"},
		{in: "*1\r\n$9223372036854775808\r\n", err: "invalid bulk length"},
		{in: "*1\r\n$18446744073709551616\r\n", err: "invalid bulk length"},
		{in: "*1048577\r\n", err: "invalid multibulk length"},
		{in: "*9223372036854775807\r\n", err: "invalid multibulk length"},
		{in: "*-9223372036854775808\r\nPING\r\n", want: `["PING"];`},
		{in: "*1048576\r\n"},
		{in: "*1\r\n:1\r\n", err: "expected '$', got ':'"},
		{in: "*1\r\n\r\n", err: "expected '$', got '\r'"},
		{in: "PING\r\n*x\r\nPING\r\n", want: `["PING"];`, err: "invalid multibulk length"},
		{in: `a"b`, want: ""},
		{in: "a\"b\r\n", err: "unbalanced quotes in request"},
		{in: strings.Repeat("x", maxLine) + "\n", want: fmt.Sprintf("[%.200q];", strings.Repeat("x", 200))},
		{in: strings.Repeat("x", maxLine+1) + "\n", err: "too big inline request"},
		{in: strings.Repeat("x", maxLine+1), err: "too big inline request"},
		{in: "*" + strings.Repeat("1", maxLine), err: "too big mbulk count string"},
		{in: "*1\r\n" + strings.Repeat("1", maxLine+1), err: "too big bulk count string"},
	} {
		for _, size := range []int{1 << 20, 1} {
			calls, err := parseAll(&pieces{[]byte(test.in), func() int { return size }}, testLimits())
			var wrong protocolError
			errors.As(err, &wrong)
			if got := show(calls); got != test.want || string(wrong) != test.err {
				t.Errorf("%.60q in pieces of %d: %.200s, %q, want %.200s, %q", test.in, size, got, wrong, test.want, test.err)
			}
		}
	}
}

func TestParseStranger(t *testing.T) {
	l := testLimits()
	l.stranger = true
	for in, want := range map[string]string{
		"*10\r\n$1\r\n": "", "*11\r\n": "unauthenticated multibulk length",
		"*1\r\n$16384\r\n": "", "*1\r\n$16385\r\n": "unauthenticated bulk length",
	} {
		_, err := parseAll(strings.NewReader(in), l)
		var wrong protocolError
		if errors.As(err, &wrong); string(wrong) != want {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func TestParseQueryBuffer(t *testing.T) {
	l := testLimits()
	l.buffer = 1 << 20
	big := strings.Repeat("x", 600<<10)
	one := fmt.Sprintf("$%d\r\n%s\r\n", len(big), big)
	if calls, err := parseAll(strings.NewReader("*1\r\n"+one+"*1\r\n"+one), l); len(calls) != 2 || err != nil {
		t.Errorf("two calls: %d, %v", len(calls), err)
	}
	if calls, err := parseAll(strings.NewReader("*3\r\n"+one+one), l); len(calls) != 0 || err != errQueryBuffer {
		t.Errorf("one call of two: %d, %v", len(calls), err)
	}
	small := strings.Repeat("$0\r\n\r\n", 50_000)
	if calls, err := parseAll(strings.NewReader("*100000\r\n"+small), l); len(calls) != 0 || err != errQueryBuffer {
		t.Errorf("many empty arguments: %d, %v", len(calls), err)
	}
}

// TestParseClaims shows that a claimed length alone costs nothing.
func TestParseClaims(t *testing.T) {
	for _, claim := range []string{"*1048576\r\n$536870912\r\nx", "*1\r\n$536870912\r\n", "*2\r\n$1\r\na\r\n$536870912\r\n" + strings.Repeat("x", 100<<10)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := parseAll(strings.NewReader(claim), testLimits()); err != nil {
			t.Error(err)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 2<<20 {
			t.Errorf("%.40q allocates %d bytes", claim, grown)
		}
	}
}

// TestParseRecycles: the arguments of calls live until recycle, also while the next call has come in part, whose
// arguments outlive it.
func TestParseRecycles(t *testing.T) {
	p := newParser(testLimits())
	feed := func(s string) [][]byte {
		t.Helper()
		if _, err := p.fill(strings.NewReader(s)); err != nil {
			t.Fatal(err)
		}
		argv, err := p.nextCall()
		if err != nil {
			t.Fatal(err)
		}
		return argv
	}
	first := feed("*2\r\n$3\r\nSET\r\n$3\r\nabc\r\n*2\r\n$3\r\nGET\r\n$3\r\nd")[1]
	if argv, _ := p.nextCall(); argv != nil {
		t.Fatal("half a call is a call")
	}
	if string(first) != "abc" {
		t.Fatalf("before recycle the argument became %q", first)
	}
	p.recycle()
	if got := feed("ef\r\n"); string(got[0])+string(got[1]) != "GETdef" {
		t.Fatalf("got %q", got)
	}
	p.recycle()
	room := cap(p.mem.chunk)
	for range 100 {
		feed("*1\r\n$9\r\nxxxxxxxxx\r\n")
		p.recycle()
	}
	if cap(p.mem.chunk) != room {
		t.Errorf("the arguments of one call at a time take %d bytes, and %d before", cap(p.mem.chunk), room)
	}
}

func TestSplitWords(t *testing.T) {
	for _, test := range []struct {
		in   string
		want []string
		bad  bool
	}{
		{in: `SET  k	v `, want: []string{"SET", "k", "v"}},
		{in: `"a b" 'c d'`, want: []string{"a b", "c d"}},
		{in: `"\x41\n\r\t\b\a\q\\\"\x4"`, want: []string{"A\n\r\t\b\aq\\\"x4"}},
		{in: `'\x41\n\'\\ '`, want: []string{`\x41\n'\\ `}},
		{in: `a"b c"`, want: []string{"ab c"}},
		{in: `a'b c' d`, want: []string{"ab c", "d"}},
		{in: `"" ''`, want: []string{"", ""}},
		{in: "a\vb \vc", want: []string{"a\vb", "c"}},
		{in: "a\x00b", want: []string{"a\x00b"}},
		{in: `"a"b`, bad: true}, {in: `'a'"b"`, bad: true}, {in: `"a`, bad: true}, {in: `'a\'`, bad: true}, {in: `"\`, bad: true},
	} {
		words, ok := splitWords([]byte(test.in))
		var got []string
		for _, w := range words {
			got = append(got, string(w))
		}
		if ok == test.bad || !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, %v", test.in, got, ok)
		}
	}
}

// TestParseSplit parses long arguments in random pieces.
func TestParseSplit(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var wire []byte
	var want [][][]byte
	for range 200 {
		var call [][]byte
		for range 1 + rng.IntN(4) {
			call = append(call, bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN([]int{2, 100, bigBulk, 3 * bigBulk}[rng.IntN(4)])))
		}
		want, wire = append(want, call), appendCall(wire, call)
	}
	got, err := parseAll(&pieces{wire, func() int { return 1 + rng.IntN(1+rng.IntN(20_000)) }}, testLimits())
	if err != nil || !slices.EqualFunc(got, want, func(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }) {
		t.Errorf("%d calls became %d, %v", len(want), len(got), err)
	}
}

func FuzzParser(f *testing.F) {
	for _, seed := range []string{
		"*1\r\n$9223372036854775807\r\nx\r\n", "PING\r\n", "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n", "*0\r\n*-1\r\n\r\n", `SET "a\x41" 'b'` + "\r\n",
		"*1\r\nx\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$40000\r\nvvv", "*1\r\n$1\r\n\x00\r\nGET \x00\r\n",
	} {
		f.Add([]byte(seed), uint64(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		whole, wholeErr := parseAll(bytes.NewReader(in), testLimits())
		rng := rand.New(rand.NewPCG(seed, 0))
		split, splitErr := parseAll(&pieces{in, func() int { return 1 + rng.IntN(1+rng.IntN(100)) }}, testLimits())
		if show(whole) != show(split) || wholeErr != splitErr {
			t.Fatalf("whole: %s %v\nsplit: %s %v", show(whole), wholeErr, show(split), splitErr)
		}
		var wire []byte
		for _, call := range whole {
			wire = appendCall(wire, call)
		}
		again, err := parseAll(bytes.NewReader(wire), testLimits())
		if err != nil || show(again) != show(whole) {
			t.Fatalf("encoded: %s %v\nwas: %s", show(again), err, show(whole))
		}
	})
}
