package command

import (
	"errors"
	"math"
	"testing"

	"cairn/fsm/reply"
)

func TestExpiry(t *testing.T) {
	const now = 1_700_000_000_000
	for _, test := range []struct {
		option, amount string
		want           int64
		err            error
	}{
		{"EX", "1", now + 1000, nil},
		{"px", "1", now + 1, nil},
		{"exat", "1", 1000, nil},
		{"PXAT", "1", 1, nil},
		{"EX", "0", 0, reply.InvalidExpire("x")},
		{"PXAT", "-1", 0, reply.InvalidExpire("x")},
		{"EX", "abc", 0, reply.ErrNotInteger},
		{"EXAT", "9223372036854775", 9223372036854775000, nil},
		{"EXAT", "9223372036854776", 0, reply.InvalidExpire("x")},
		{"PXAT", "9223372036854775807", math.MaxInt64, nil},
		{"PX", "9223370336854775807", math.MaxInt64, nil},
		{"PX", "9223370336854775808", 0, reply.InvalidExpire("x")},
		{"EX", "9223370336854775", 9223370336854775000 + now, nil},
		{"EX", "9223370336854776", 0, reply.InvalidExpire("x")},
	} {
		e, ok := parseExpiry([][]byte{[]byte(test.option), []byte(test.amount), []byte("more")})
		if !ok || !e.given() {
			t.Fatalf("%s is no option", test.option)
		}
		if got, err := e.at(now, "x"); got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s %s: %d, %v; want %d, %v", test.option, test.amount, got, err, test.want, test.err)
		}
	}
	if at, err := (&expiry{}).at(now, "x"); at != 0 || err != nil {
		t.Errorf("no option: %d, %v", at, err)
	}
	for _, args := range [][][]byte{nil, {[]byte("EX")}, {[]byte("EXX"), []byte("1")}, {[]byte(""), []byte("1")}} {
		if e, ok := parseExpiry(args); ok || e.given() {
			t.Errorf("%q is an option", args)
		}
	}
}

// TestIsWord: letters of other alphabets that Unicode folds to K and S are none.
func TestIsWord(t *testing.T) {
	for arg, want := range map[string]bool{"KEEPTTL": true, "keepttl": true, "KeepTtl": true, "KEEPTTL ": false, "": false, "\u212aEEPT": false} {
		if got := isWord([]byte(arg), "KEEPTTL"); got != want {
			t.Errorf("isWord(%q) = %v", arg, got)
		}
	}
}
