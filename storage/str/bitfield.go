package str

// Field is the type of a number in a bitmap: BITFIELD's i16 and u8.
type Field struct {
	Signed bool
	Width  int // bits: up to 64, unsigned ones up to 63
}

// Overflow is what becomes of a number that does not fit its field.
type Overflow uint8

// The ways of BITFIELD's OVERFLOW.
const (
	Wrap Overflow = iota // it loses its highest bits
	Saturate
	Fail // it is not written
)

// Read returns the number that the bits of a field are.
func (f Field) Read(n uint64) int64 {
	if f.Signed && f.Width < 64 && n>>(f.Width-1)&1 != 0 {
		n |= ^uint64(0) << f.Width
	}
	return int64(n)
}

// Increment returns the sum of a number and an increment as a field holds it; ok is false when it does not fit and that
// fails. The number may be any when the increment is 0: then it is only made to fit.
func (f Field) Increment(n, increment int64, o Overflow) (sum int64, ok bool) {
	var side int // where the sum is out of the field: above, below
	var most, least int64
	if f.Signed {
		most = int64(^uint64(0) >> 1 >> (64 - f.Width))
		least = -most - 1
		side = f.signedSide(n, increment, most, least)
	} else {
		most = int64(uint64(1)<<f.Width - 1)
		switch u := uint64(n); {
		case u > uint64(most) || increment > 0 && increment > int64(uint64(most)-u):
			side = 1
		case increment < 0 && increment < -n:
			side = -1
		}
	}
	sum = int64(uint64(n) + uint64(increment))
	switch {
	case side == 0:
		return sum, true
	case o == Fail:
		return 0, false
	case o == Wrap:
		return f.Read(uint64(sum) & (^uint64(0) >> (64 - f.Width))), true
	case side > 0:
		return most, true
	}
	return least, true
}

// signedSide tells where a sum is out of a signed field. As in Redis the differences wrap, so that a number far below a
// narrow field, which only SET can give, counts as above it.
func (f Field) signedSide(n, increment, most, least int64) int {
	up, down := int64(uint64(most)-uint64(n)), int64(uint64(least)-uint64(n))
	switch narrow := f.Width < 64; {
	case n > most || (narrow || n >= 0 && increment > 0) && increment > up:
		return 1
	case n < least || (narrow || n < 0 && increment < 0) && increment < down:
		return -1
	}
	return 0
}
