package str

import (
	"math"
	"math/big"
	"strings"
	"testing"
)

// TestAddFloat holds sums as a real Redis 7.0.15 on x86-64 answered them to INCRBYFLOAT. 300,000 random pairs of all
// the kinds below were compared with it when this was written, and agreed.
func TestAddFloat(t *testing.T) {
	for _, test := range []struct{ name, a, b, want string }{
		{"no binary noise", "0.1", "0.2", "0.3"},
		{"exponents", "5.0e3", "2.0e2", "5200"},
		{"last decimal", "1", "1e-17", "1.00000000000000001"},
		{"below the last decimal", "1", "1e-18", "1"},
		{"tie to even, down", "0", "0x1p-18", "0.00000381469726562"},
		{"tie to even, up", "0", "0x3p-18", "0.00001144409179688"},
		{"noise in the last digits", "1234567.891", "0.1", "1234567.99099999999998545"},
		{"64 bits of mantissa", "18446744073709551615", "1", "18446744073709551616"},
		{"65 bits, tie to even", "18446744073709551616", "1", "18446744073709551616"},
		{"65 bits, above the tie", "18446744073709551616", "1.0001", "18446744073709551618"},
		{"large", "1e30", "1e10", "1000000000000000000024696061952"},
		{"hexadecimal", "0x1.8p3", "0XaBp-2", "54.75"},
		{"all signs", "+1", "-1", "0"},
		{"negative zero", "-0", "-0", "0"},
		{"rounds to negative zero", "0", "-1e-30", "0"},
		{"smallest that is not zero", "0", "1e-4950", "0"},
		{"zero whatever the exponent", "7", "0e999999999999999999999", "7"},
		{"leading and trailing zeros", "000.5000", "0100", "100.5"},
		{"points at the ends", "5.", ".5", "5.5"},
		{"largest cancels", "1.18e4932", "-1.18e4932", "0"},
		{"overflow", "1.1e4932", "1.1e4932", "infinite"},
		{"infinity", "inf", "1", "infinite"},
		{"two infinities", "-Infinity", "+INF", "infinite"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, okA := ParseFloat([]byte(test.a))
			b, okB := ParseFloat([]byte(test.b))
			if !okA || !okB {
				t.Fatalf("ParseFloat: %q %v, %q %v", test.a, okA, test.b, okB)
			}
			got := "infinite"
			if sum, ok := AddFloat(a, b); ok {
				got = string(FormatFloat(sum))
			}
			if got != test.want {
				t.Errorf("%s + %s = %s, want %s", test.a, test.b, got, test.want)
			}
		})
	}
}

// TestNoFloat holds texts that Redis refuses, as a long double and as a double.
func TestNoFloat(t *testing.T) {
	for _, text := range []string{
		"", "+", "-", ".", "+.", "e5", ".e5", "1e", "1e+", "1e1.5", "1.2.3", "1 ", " 1", "\t1", "1\x00", "1,5", "1_0", "0x1_0", "--1",
		"+-1", "0x", "0x.", "0xg", "0x1p", "0x1e+1", "0b1", "1p5", "nan", "NaN", "-nan", "nan(1)", "in", "infi", "infinityx", "\x10", "\x101",
		"1e4933", "-1e4933", "1e99999999999999999999", "1e-4960", "1e-99999999999999999999", "0x1p16384", "0x1p-16446", "0x1p99999999999999999999",
	} {
		if f, ok := ParseFloat([]byte(text)); ok {
			t.Errorf("ParseFloat(%q) = %g", text, f)
		}
		if f, ok := ParseDouble([]byte(text)); ok {
			t.Errorf("ParseDouble(%q) = %g", text, f)
		}
	}
	for _, text := range []string{"1e309", "-1e309", "1e-324", "0x1p1024", "0x1p-1075"} {
		if f, ok := ParseDouble([]byte(text)); ok {
			t.Errorf("ParseDouble(%q) = %g", text, f)
		}
	}
}

// TestFloatTextSize: a long double has at most 5,119 digits, so that the work of reading one is bounded.
func TestFloatTextSize(t *testing.T) {
	for _, text := range []string{
		"0." + strings.Repeat("3", maxFloatText-3),
		strings.Repeat("0", maxFloatText-2) + "7",
		strings.Repeat("9", 4000) + "." + strings.Repeat("9", maxFloatText-4002),
		strings.Repeat("9", 4900) + "e-4900",
		"0x." + strings.Repeat("f", maxFloatText-4),
	} {
		if _, ok := ParseFloat([]byte(text)); !ok {
			t.Errorf("%.20s… of %d bytes is refused", text, len(text))
		}
	}
	if _, ok := ParseFloat([]byte(strings.Repeat("0", maxFloatText))); ok {
		t.Error("5,120 bytes are taken")
	}
}

func TestParseDouble(t *testing.T) {
	for _, test := range []struct {
		text string
		want float64
	}{
		{"0", 0}, {"-0", math.Copysign(0, -1)}, {"1.5", 1.5}, {"+.5", .5}, {"5.", 5}, {"00012", 12}, {"1E2", 100}, {"0x1", 1}, {"0X.8", .5},
		{"0x1.8p-1", .75}, {"inf", math.Inf(1)}, {"-Infinity", math.Inf(-1)}, {"0e99999", 0}, {"4.9e-324", math.SmallestNonzeroFloat64},
		{"1.7976931348623157e308", math.MaxFloat64}, {"9007199254740993", 9007199254740992},
	} {
		got, ok := ParseDouble([]byte(test.text))
		if !ok || got != test.want || math.Signbit(got) != math.Signbit(test.want) {
			t.Errorf("ParseDouble(%q) = %g, %v; want %g", test.text, got, ok, test.want)
		}
	}
}

// FuzzFloat: what FormatFloat writes is a plain decimal, and reading it back and writing it again changes nothing.
func FuzzFloat(f *testing.F) {
	for _, s := range []string{"0.1", "-1e-17", "1e4932", "0x3p-18", "inf", "127.99999999999999999", "5e-18"} {
		f.Add([]byte(s))
	}
	zero := new(big.Float)
	f.Fuzz(func(t *testing.T, b []byte) {
		x, ok := ParseFloat(b)
		if d, okDouble := ParseDouble(b); okDouble && len(b) < maxFloatText && !ok {
			t.Errorf("%q is %g as a double, and nothing as a long double", b, d)
		}
		if !ok {
			return
		}
		if x, ok = AddFloat(x, zero); !ok {
			return
		}
		text := FormatFloat(x)
		if strings.Trim(string(text), "-0123456789.") != "" || strings.Contains(string(text), ".") && strings.TrimRight(string(text), "0.") != string(text) {
			t.Errorf("%q is written as %s", b, text)
		}
		y, ok := ParseFloat(text)
		if !ok {
			t.Fatalf("%q is written as %s, which is no number", b, text)
		}
		if again := FormatFloat(y); string(again) != string(text) {
			t.Errorf("%q is written as %s, then as %s", b, text, again)
		}
	})
}

// BenchmarkAddFloat shows the cost of an INCRBYFLOAT, and the bound of it: the most digits, far from the point.
func BenchmarkAddFloat(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"digits=3", "1.25"},
		{"digits=5112", strings.Repeat("7", maxFloatText-8) + "e-9990"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				x, ok := ParseFloat([]byte(bench.text))
				if !ok {
					b.Fatal("refused")
				}
				sum, _ := AddFloat(x, x)
				FormatFloat(sum)
			}
		})
	}
}
