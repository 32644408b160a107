package command

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"cairn/storage/layout"
)

// TestGlobMatch holds what a Redis 7.0.15 answered to KEYS; testdata/generic/keys.txt asks it again.
func TestGlobMatch(t *testing.T) {
	for _, test := range []struct {
		pattern  string
		yes, not []string
	}{
		{"", []string{""}, []string{"a"}},
		{"*", []string{"a", "abc"}, []string{""}}, // KEYS and SCAN do not ask for "*", so the empty key is listed
		{"**", []string{"a"}, []string{""}},
		{"?", []string{"a", "*", "\xff"}, []string{"", "ab"}},
		{"a*", []string{"a", "ab"}, []string{"", "ba"}},
		{"*a", []string{"a", "ba", "aa", "aba"}, []string{"ab"}},
		{"a**c", []string{"ac", "abc", "acc"}, []string{"a", "acb"}},
		{"*a*b*", []string{"ab", "xaybz", "aab"}, []string{"ba", "a"}},
		{"a?c", []string{"abc", "a?c"}, []string{"ac", "abbc"}},
		{"?*?", []string{"ab", "abc"}, []string{"a"}},
		{"h[ae]llo", []string{"hello", "hallo"}, []string{"hillo", "hllo", "haello"}},
		{"h[^e]llo", []string{"hallo", "h^llo"}, []string{"hello", "hllo"}},
		{"[a-\xc3]", []string{"a", "0", "\x00", "\xc3", "\xff"}, []string{"b", "z", "\x7f", "\x80", "\xc2"}},
		{"[\xc3-a]", []string{"a", "0", "\xc3"}, []string{"b", "\xc2"}},
		{"[^a-\xc3]", []string{"b", "\xc2"}, []string{"a", "\xc3"}},
		{"[\x80-\xff]", []string{"\x80", "\xc3", "\xff"}, []string{"\x00", "\x7f"}},
		{"[\x7f-\x80]", []string{"\x00", "a", "\xff"}, nil},
		{"[a-c]", []string{"a", "b", "c"}, []string{"d", "-"}},
		{"[c-a]", []string{"a", "b", "c"}, []string{"d", "-"}},
		{"[^a-c]x", []string{"dx", "-x"}, []string{"bx"}},
		{"[a-]", []string{"a", "]", "^"}, []string{"-", "b"}},
		{"[a-]x", []string{"a", "x", "]"}, []string{"ax", "-", "]x"}},
		{"[-a]", []string{"-", "a"}, []string{"b"}},
		{`[\a-c]`, []string{"a", "-", "c"}, []string{"b"}},
		{`[a\-c]`, []string{"a", "-", "c"}, []string{"b", `\`}},
		{`[a-\]`, []string{"a", `\`, "]"}, []string{"b", "["}},
		{`[\]]`, []string{"]"}, []string{`\`, `\]`}},
		{`[\`, []string{`\`}, []string{"["}},
		{`[a\`, []string{"a", `\`}, []string{"["}},
		{"[]", nil, []string{"", "]", "[]"}},
		{"[]a]", nil, []string{"]", "a", "a]"}},
		{"[^]", []string{"a", "]", "^"}, []string{"", "ab"}},
		{"[^]a", []string{"aa", "]a"}, []string{"a", "]"}},
		{"[", nil, []string{"[", ""}},
		{"[^", []string{"a", "["}, []string{"", "ab"}},
		{"[abc", []string{"a", "b", "c"}, []string{"abc", "[abc"}},
		{"[a*", []string{"a", "*"}, []string{"ab"}},
		{"x[^a", []string{"xb"}, []string{"xa", "x"}},
		{"[a^]", []string{"a", "^"}, []string{"b"}},
		{"[*?]", []string{"*", "?"}, []string{"a"}},
		{"[[-]]", []string{"[", `\`, "]"}, []string{"-", "[]"}}, // the range ends with the bracket, so the class is closed by the last
		{`\*`, []string{"*"}, []string{"a", `\*`}},
		{`\a`, []string{"a"}, []string{`\a`}},
		{`\\`, []string{`\`}, []string{`\\`}},
		{`\`, []string{`\`}, []string{""}},
		{`a*\`, []string{`a\`, `ab\`}, []string{"a"}},
		{"]", []string{"]"}, []string{"["}},
		{"é", []string{"é"}, []string{"e"}},
		{"??", []string{"é", "ab"}, []string{"a"}},
		{"[\xf0-\xff]", []string{"\xf0", "\xfe", "\xff"}, []string{"\xef"}},
		{"a\x00*", []string{"a\x00", "a\x00b"}, []string{"a"}},
	} {
		for _, s := range test.yes {
			if !globMatch([]byte(test.pattern), []byte(s)) {
				t.Errorf("%q does not match %q", test.pattern, s)
			}
		}
		for _, s := range test.not {
			if globMatch([]byte(test.pattern), []byte(s)) {
				t.Errorf("%q matches %q", test.pattern, s)
			}
		}
	}
}

// TestGlobMatchIsQuick tries patterns that take a backtracking matcher longer than the universe has been there.
func TestGlobMatchIsQuick(t *testing.T) {
	const n = 2000
	s := bytes.Repeat([]byte("a"), n)
	for _, pattern := range []string{
		strings.Repeat("a*", n/2) + "b", strings.Repeat("*a", n/2) + "b", strings.Repeat("*[^b]?", n/4) + "b",
		strings.Repeat("*", n) + "b",
	} {
		if globMatch([]byte(pattern), s) {
			t.Errorf("%.10q… matches", pattern)
		}
	}
}

// globReference is globMatch in the way of a definition, dear and plain.
func globReference(pattern, s string) bool {
	switch {
	case s == "":
		return pattern == ""
	case pattern == "":
		return false
	case pattern[0] == '*':
		rest := strings.TrimLeft(pattern, "*")
		for i := range len(s) {
			if rest != "" && globReference(rest, s[i:]) {
				return true
			}
		}
		return rest == ""
	}
	set, rest := globSet(pattern)
	if !set[s[0]] {
		return false
	}
	if len(s) == 1 {
		return strings.Trim(rest, "*") == ""
	}
	return globReference(rest, s[1:])
}

// globSet returns the bytes that the first element of pattern takes, and what follows the element.
func globSet(pattern string) (set [256]bool, rest string) {
	c, rest := pattern[0], pattern[1:]
	switch {
	case c == '?':
		for i := range set {
			set[i] = true
		}
	case c == '\\' && rest != "":
		set[rest[0]] = true
		rest = rest[1:]
	case c == '[':
		body, negated := strings.CutPrefix(rest, "^")
		for body != "" && body[0] != ']' {
			switch {
			case body[0] == '\\' && len(body) > 1:
				set[body[1]] = true
				body = body[2:]
			case len(body) > 2 && body[1] == '-':
				for i := int(min(body[0], body[2])); i <= int(max(body[0], body[2])); i++ {
					set[i] = true
				}
				body = body[3:]
			default:
				set[body[0]] = true
				body = body[1:]
			}
		}
		for i := range set {
			set[i] = set[i] != negated
		}
		rest = strings.TrimPrefix(body, "]")
	default:
		set[c] = true
	}
	return set, rest
}

// FuzzGlobMatch compares the matcher with its definition, and what globSlot says with the slots of keys that do match.
func FuzzGlobMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"h[ae]l*o", "hello"}, {"[^a-]x*", "]x"}, {`\*[\]-a]`, "*_"}, {"{t}*", "{t}1"}, {"{}*", "{}{t}"}, {"*a*[", "ba["},
		{"{t", "{t"}, {`{\t}*`, "{t}"}, {"a{t}", "a{t}"}, {"{*}", "{t}"}, {"a[b-", "ab"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 20 || len(s) > 20 {
			return
		}
		checkGlob(t, pattern, s)
	})
}

// TestGlobMatchRandom is the fuzz test with texts that have a fair chance to match.
func TestGlobMatchRandom(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	text := func(alphabet string) string {
		b := make([]byte, rng.IntN(9))
		for i := range b {
			b[i] = alphabet[rng.IntN(len(alphabet))]
		}
		return string(b)
	}
	for range 100_000 {
		checkGlob(t, text(`ab{}**?[[]]^-\\`), text(`ab{}]^-\`))
	}
	if t.Failed() {
		t.Logf("seed %d", seed)
	}
}

func checkGlob(t *testing.T, pattern, s string) {
	t.Helper()
	got := globMatch([]byte(pattern), []byte(s))
	if want := globReference(pattern, s); got != want {
		t.Errorf("pattern %q, string %q: got %v, want %v", pattern, s, got, want)
	}
	if slot, ok := globSlot([]byte(pattern)); ok && got && slot != layout.Slot([]byte(s)) {
		t.Errorf("pattern %q says slot %d; %q, which matches, is in %d", pattern, slot, s, layout.Slot([]byte(s)))
	}
}

// TestGlobSlot shows which patterns allow one slot only.
func TestGlobSlot(t *testing.T) {
	for _, test := range []struct {
		pattern string
		ok      bool
	}{
		{"key", true}, {"", true}, {"{t}*", true}, {"a{t}b?", true}, {"{t}{*}", true}, {"{{t}*", true}, {"a]b^-", true},
		{"*", false}, {"a*", false}, {"{*}", false}, {"*{t}", false}, {"{t*", false}, {"{}*", false}, {"{}{t}*", false},
		{`{\t}*`, false}, {`a\b`, false}, {"{[t]}", false}, {"?{t}", false},
	} {
		if _, ok := globSlot([]byte(test.pattern)); ok != test.ok {
			t.Errorf("%q: %v", test.pattern, ok)
		}
	}
}
