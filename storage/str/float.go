package str

import (
	"bytes"
	"math"
	"math/big"
)

// INCRBYFLOAT computes with C's long double, which on the machines Redis is measured on is the x87 format: 64 bits of
// mantissa and 15 of exponent, rounded to nearest even. Here it is a big.Float of that precision, the bounds of the
// exponent kept by hand. Numbers below the smallest normal one keep more bits than x87 would; with 17 decimals
// printed, that cannot be seen.
const (
	floatPrecision = 64
	floatMaxExp    = 16384  // of mantissas in [0.5, 1)
	floatMinExp    = -16445 // what is at or below 2^(this-1) rounds to zero
	floatDecimals  = 17     // printed behind the point
)

// maxFloatText is the size from which a text is no long double, whatever it says. Together with the bound of the
// exponent it bounds the work of reading one.
const maxFloatText = 5 * 1024

// ParseFloat reads b as C's strtold reads a long double, to the last byte and without leading space. Hexadecimal and
// infinite numbers are numbers; NaN is not, nor is what overflows or underflows to zero.
func ParseFloat(b []byte) (f *big.Float, ok bool) {
	if len(b) >= maxFloatText {
		return nil, false
	}
	l, ok := scanFloat(b)
	if !ok {
		return nil, false
	}
	f = new(big.Float).SetPrec(floatPrecision)
	if l.infinite {
		return f.SetInf(l.negative), true
	}
	if len(l.digits) > 0 {
		if ok = l.round(f); !ok {
			return nil, false
		}
	}
	if l.negative {
		f.Neg(f)
	}
	return f, true
}

// round sets f to the nearest value of a literal that is not zero; ok is false when it is out of range.
func (l literal) round(f *big.Float) (ok bool) {
	const maxDecimalExp = 4970 // 10 to the power of this, and of minus this, are out of range
	radix := 10
	if l.hex {
		radix = 16
	} else if top := len(l.digits) + l.exp; top > maxDecimalExp || top < -maxDecimalExp {
		return false
	}
	n, ok := new(big.Int).SetString(string(l.digits), radix)
	if !ok {
		return false
	}
	switch {
	case l.hex:
		if l.exp > math.MaxInt16*4 || l.exp < -math.MaxInt16*4 {
			return false // 5 KiB of digits are 20,480 bits
		}
		f.SetMantExp(f.SetInt(n), l.exp)
	case l.exp >= 0:
		f.SetInt(n.Mul(n, powerOfTen(l.exp)))
	default:
		// Both operands are exact, so that the quotient is rounded once.
		f.Quo(new(big.Float).SetInt(n), new(big.Float).SetInt(powerOfTen(-l.exp)))
	}
	smallest := new(big.Float).SetMantExp(big.NewFloat(1), floatMinExp-1)
	return f.MantExp(nil) <= floatMaxExp && f.Cmp(smallest) > 0
}

func powerOfTen(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// AddFloat returns a+b, rounded like a long double; ok is false when that is no finite number.
func AddFloat(a, b *big.Float) (sum *big.Float, ok bool) {
	if a.IsInf() || b.IsInf() {
		return nil, false
	}
	sum = new(big.Float).SetPrec(floatPrecision).Add(a, b)
	return sum, sum.MantExp(nil) <= floatMaxExp
}

// FormatFloat writes a finite f with up to 17 decimals and without trailing zeros, never with an exponent.
func FormatFloat(f *big.Float) []byte {
	if f.MantExp(nil) < -58 {
		return []byte("0") // below half of the last decimal; MantExp of zero is 0
	}
	b := f.Append(nil, 'f', floatDecimals)
	b = bytes.TrimRight(bytes.TrimRight(b, "0"), ".")
	if string(b) == "-0" {
		return b[1:]
	}
	return b
}
