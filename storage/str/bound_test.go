package str

import (
	"math"
	"testing"
)

// TestParseBound: what the ends of ranges of scores may be, and other numbers may not.
func TestParseBound(t *testing.T) {
	for text, want := range map[string]float64{
		"": 0, "1.5": 1.5, " 1": 1, "\t\n\v\f\r-2": -2, "1\x00x": 1, "\x00x": 0, "1e400": math.Inf(1), "-1e400": math.Inf(-1), "1e-400": 0,
		"inf": math.Inf(1), "+Infinity": math.Inf(1), "0x10": 16, "0x1p-2000": 0, "0x1p2000": math.Inf(1),
	} {
		if got, ok := ParseBound([]byte(text)); !ok || got != want {
			t.Errorf("%q is %g, %v; want %g", text, got, ok, want)
		}
	}
	for _, text := range []string{" ", "1 ", "nan", "-nan", "x", "1x", "(1", " \x00", "1_0", "--1"} {
		if got, ok := ParseBound([]byte(text)); ok {
			t.Errorf("%q is %g", text, got)
		}
	}
}
