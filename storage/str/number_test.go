package str

import (
	"math"
	"strconv"
	"testing"
)

func TestParseInt(t *testing.T) {
	for _, test := range []struct {
		text string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"-1", -1, true},
		{"1234567890", 1234567890, true},
		{"9223372036854775807", math.MaxInt64, true},
		{"-9223372036854775807", -math.MaxInt64, true},
		{"-9223372036854775808", math.MinInt64, true},
		{"9223372036854775808", 0, false},
		{"-9223372036854775809", 0, false},
		{"9999999999999999999", 0, false},
		{"-9999999999999999999", 0, false},
		{"18446744073709551617", 0, false},
		{"", 0, false},
		{"-", 0, false},
		{"+1", 0, false},
		{"-0", 0, false},
		{"00", 0, false},
		{"-01", 0, false},
		{" 1", 0, false},
		{"1 ", 0, false},
		{"1\x00", 0, false},
		{"1.0", 0, false},
		{"--1", 0, false},
		{"\x10", 0, false},
	} {
		if got, ok := ParseInt([]byte(test.text)); got != test.want || ok != test.ok {
			t.Errorf("ParseInt(%q) = %d, %v; want %d, %v", test.text, got, ok, test.want, test.ok)
		}
	}
}

// FuzzParseInt: a text is an integer exactly when formatting the integer gives the text back.
func FuzzParseInt(f *testing.F) {
	for _, s := range []string{"0", "-0", "17", "-9223372036854775808", "9223372036854775808", "+1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := strconv.ParseInt(string(b), 10, 64)
		wantOK := err == nil && strconv.FormatInt(n, 10) == string(b)
		got, ok := ParseInt(b)
		if ok != wantOK || ok && got != n {
			t.Errorf("ParseInt(%q) = %d, %v; want %d, %v", b, got, ok, n, wantOK)
		}
	})
}

func TestAddInt(t *testing.T) {
	for _, test := range []struct {
		a, b, want int64
		ok         bool
	}{
		{1, 2, 3, true},
		{5, 0, 5, true},
		{math.MaxInt64, 0, math.MaxInt64, true},
		{math.MaxInt64, math.MinInt64, -1, true},
		{math.MaxInt64 - 1, 1, math.MaxInt64, true},
		{math.MaxInt64, 1, 0, false},
		{1, math.MaxInt64, 0, false},
		{math.MaxInt64, math.MaxInt64, 0, false},
		{math.MinInt64 + 1, -1, math.MinInt64, true},
		{math.MinInt64, -1, 0, false},
		{-1, math.MinInt64, 0, false},
		{math.MinInt64, math.MinInt64, 0, false},
	} {
		if got, ok := AddInt(test.a, test.b); ok != test.ok || ok && got != test.want {
			t.Errorf("AddInt(%d, %d) = %d, %v; want %d, %v", test.a, test.b, got, ok, test.want, test.ok)
		}
	}
}
