package str

import (
	"testing"
)

func TestSpan(t *testing.T) {
	for _, test := range []struct {
		value      string
		start, end int64
		want       string
	}{
		{"hello", 0, -1, "hello"},
		{"hello", 1, 3, "ell"},
		{"hello", -3, -2, "ll"},
		{"hello", 3, 99, "lo"},
		{"hello", 5, 99, ""},
		{"hello", 3, 2, ""},
		{"hello", -2, -3, ""},
		{"hello", -99, 1, "he"},
		{"hello", 0, -99, "h"},
		{"hello", -99, -98, "h"},
		{"hello", -98, -99, ""},
		{"hello", 1, -99, ""},
		{"hello", -1 << 63, 1<<63 - 1, "hello"},
		{"hello", 1<<63 - 1, 1<<63 - 1, ""},
		{"", 0, 0, ""},
		{"", -1, -1, ""},
	} {
		from, to := Span(len(test.value), test.start, test.end)
		if got := test.value[from:to]; got != test.want {
			t.Errorf("the span of %q from %d to %d is %q, want %q", test.value, test.start, test.end, got, test.want)
		}
	}
}

func TestSetRange(t *testing.T) {
	for _, test := range []struct {
		value  string
		offset int
		patch  string
		want   string
	}{
		{"hello", 0, "J", "Jello"},
		{"hello", 3, "p!!", "help!!"},
		{"hello", 5, "!", "hello!"},
		{"hi", 4, "x", "hi\x00\x00x"},
		{"", 0, "x", "x"},
		{"", 2, "x", "\x00\x00x"},
	} {
		if got := string(SetRange([]byte(test.value), test.offset, []byte(test.patch))); got != test.want {
			t.Errorf("SetRange(%q, %d, %q) = %q, want %q", test.value, test.offset, test.patch, got, test.want)
		}
	}
}

// TestCopies: what a transaction holds is shared, so a change makes new memory even where there is room behind the old.
func TestCopies(t *testing.T) {
	shared := []byte("abcdef")
	SetRange(shared[:3], 1, []byte("YYYY"))
	if string(shared) != "abcdef" {
		t.Errorf("shared memory is now %q", shared)
	}
}
