package str

import (
	"bytes"
	"math"
	"strconv"
)

// literal is the text of a floating point number, taken apart: ±digits × radix^exp, where exp counts powers of ten for
// decimal digits and powers of two for hexadecimal ones.
type literal struct {
	negative bool
	infinite bool
	hex      bool
	digits   []byte // without the point and without leading zeros; empty is zero
	exp      int
}

// maxExp bounds the exponents that are read; what is beyond counts as it. It is far above what any number of digits
// that fits in memory could bring back into range, and far below overflow.
const maxExp = 1 << 40

// scanFloat takes b apart. ok is false for what C's strtod would not read to the last byte, for leading space, and
// for all kinds of NaN.
func scanFloat(b []byte) (l literal, ok bool) {
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		l.negative = b[0] == '-'
		b = b[1:]
	}
	if bytes.EqualFold(b, []byte("inf")) || bytes.EqualFold(b, []byte("infinity")) {
		l.infinite = true
		return l, true
	}
	mark := byte('e')
	if len(b) > 1 && b[0] == '0' && b[1]|0x20 == 'x' {
		l.hex, mark, b = true, 'p', b[2:]
	}
	mantissa, exp := b, []byte("0")
	if i := bytes.IndexFunc(b, func(r rune) bool { return r|0x20 == rune(mark) }); i >= 0 {
		mantissa, exp = b[:i], b[i+1:]
	}
	fraction, ok := l.scanMantissa(mantissa)
	if !ok {
		return l, false
	}
	l.exp, ok = scanExp(exp)
	if l.hex {
		fraction *= 4
	}
	l.exp -= fraction
	return l, ok
}

// scanMantissa reads digits with at most one point among them, and returns how many stand behind it.
func (l *literal) scanMantissa(b []byte) (fraction int, ok bool) {
	point := bytes.IndexByte(b, '.')
	digits := b
	if point >= 0 {
		fraction = len(b) - point - 1
		digits = append(bytes.Clone(b[:point]), b[point+1:]...)
	}
	if len(digits) == 0 {
		return 0, false
	}
	for _, c := range digits {
		isDigit := '0' <= c && c <= '9' || l.hex && 'a' <= c|0x20 && c|0x20 <= 'f'
		if !isDigit {
			return 0, false
		}
	}
	l.digits = bytes.TrimLeft(digits, "0")
	return fraction, true
}

func scanExp(b []byte) (exp int, ok bool) {
	sign := 1
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		if b[0] == '-' {
			sign = -1
		}
		b = b[1:]
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		exp = min(exp*10+int(c-'0'), maxExp)
	}
	return sign * exp, len(b) > 0
}

// ParseDouble reads b as C's strtod reads a double, to the last byte and without leading space. Hexadecimal and
// infinite numbers are numbers; NaN is not, nor is what overflows or underflows to zero.
func ParseDouble(b []byte) (f float64, ok bool) {
	l, ok := scanFloat(b)
	if !ok {
		return 0, false
	}
	f = l.double(b)
	if infinite := math.IsInf(f, 0) && !l.infinite; infinite || f == 0 && len(l.digits) > 0 {
		return 0, false
	}
	return f, true
}

// ParseBound reads b as Redis reads the end of a range of scores, more laxly than ParseDouble: leading space and what
// follows a zero byte do not count, nothing at all is 0, and what does not fit is infinite, or 0.
func ParseBound(b []byte) (f float64, ok bool) {
	b, _, _ = bytes.Cut(b, []byte{0})
	if len(b) == 0 {
		return 0, true
	}
	b = bytes.TrimLeft(b, " \t\n\v\f\r")
	l, ok := scanFloat(b)
	if !ok {
		return 0, false
	}
	return l.double(b), true
}

// double returns the value of a literal, which stands in text: infinite, or 0, where it does not fit.
func (l literal) double(text []byte) float64 {
	if l.hex && !bytes.ContainsAny(text, "pP") {
		text = append(text[:len(text):len(text)], "p0"...) // which C does not ask for
	}
	f, _ := strconv.ParseFloat(string(text), 64) // the error says that it is out of range
	return f
}
