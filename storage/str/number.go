package str

import "math"

// ParseInt reads b as a signed decimal number the way Redis decides that a string is one: the text must be exactly
// what formatting the number gives back. No plus sign, no spaces, no leading zeros, no "-0". ok is false otherwise,
// and when the number does not fit.
func ParseInt(b []byte) (n int64, ok bool) {
	digits := b
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		digits = b[1:]
	}
	switch {
	case len(digits) == 0 || len(digits) > len("9223372036854775807"):
		return 0, false
	case digits[0] == '0':
		return 0, len(b) == 1
	}
	var u uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
	}
	switch {
	case negative && u <= 1<<63:
		return -int64(u), true
	case !negative && u <= math.MaxInt64:
		return int64(u), true
	}
	return 0, false
}

// AddInt returns a+b; ok is false when the sum does not fit.
func AddInt(a, b int64) (sum int64, ok bool) {
	sum = a + b
	return sum, (sum > a) == (b > 0)
}
