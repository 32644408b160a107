package str

import (
	"encoding/binary"
	"math/bits"
)

// Bits are counted as Redis counts them: bit 0 is the highest of the first byte.

// ByteOf returns in which byte a bit is, and which of its bits that is, as a mask.
func ByteOf(bit int) (at int, mask byte) { return bit / 8, 0x80 >> (bit % 8) }

// Bits returns width bits from bit at on, 64 at most, as an unsigned number; those behind the end are 0.
func (v Value) Bits(at, width int) (n uint64, err error) {
	from, to := min(at/8, v.size), min((at+width+7)/8, v.size)
	b, err := v.Slice(from, to)
	if err != nil {
		return 0, err
	}
	for i := at; i < at+width; i++ {
		n <<= 1
		if k, mask := ByteOf(i); k-from < len(b) && b[k-from]&mask != 0 {
			n |= 1
		}
	}
	return n, nil
}

// PutBits writes the lowest width bits of n to b, from bit at on.
func PutBits(b []byte, at, width int, n uint64) {
	for i := range width {
		k, mask := ByteOf(at + i)
		if n>>(width-1-i)&1 != 0 {
			b[k] |= mask
		} else {
			b[k] &^= mask
		}
	}
}

// CountBits returns how many of the bits from bit from to before bit to, which the string has, are set.
func (v Value) CountBits(from, to int) (n int, err error) {
	err = v.Walk(from/8, (to+7)/8, func(at int, piece []byte) bool {
		n += onesCount(piece)
		if at == from/8 {
			n -= bits.OnesCount8(piece[0] &^ (0xff >> (from % 8)))
		}
		if last := at + len(piece); last == (to+7)/8 && to%8 != 0 {
			n -= bits.OnesCount8(piece[len(piece)-1] & (0xff >> (to % 8)))
		}
		return true
	})
	return n, err
}

func onesCount(b []byte) (n int) {
	for ; len(b) >= 8; b = b[8:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b))
	}
	for _, c := range b {
		n += bits.OnesCount8(c)
	}
	return n
}

// FindBit returns the first bit from bit from to before bit to, which the string has, that is 1 if set says so, else 0;
// -1 when there is none.
func (v Value) FindBit(set bool, from, to int) (found int, err error) {
	found = -1
	none := byte(0xff) // a byte without such a bit
	if set {
		none = 0
	}
	err = v.Walk(from/8, (to+7)/8, func(at int, piece []byte) bool {
		for i := 0; i < len(piece); i++ {
			if piece[i] == none {
				i = skipBytes(piece, i, none) - 1
				continue
			}
			for bit := max(from, (at+i)*8); bit < min(to, (at+i+1)*8); bit++ {
				if piece[i]&(0x80>>(bit%8)) != 0 == set {
					found = bit
					return false
				}
			}
		}
		return true
	})
	return found, err
}

// skipBytes returns where in b, from i on, the first byte is that is not c.
func skipBytes(b []byte, i int, c byte) int {
	same := uint64(c) * 0x0101010101010101
	for len(b)-i >= 8 && binary.LittleEndian.Uint64(b[i:]) == same {
		i += 8
	}
	for i < len(b) && b[i] == c {
		i++
	}
	return i
}

// A BitOp is an operation of BITOP on two bytes.
type BitOp func(a, b byte) byte

// Combine makes acc what op makes of it and of v, which ends before acc or with it and goes on with zero bytes.
func (v Value) Combine(acc []byte, op BitOp) error {
	err := v.Walk(0, v.size, func(at int, piece []byte) bool {
		part := acc[at : at+len(piece)]
		for i, c := range piece {
			part[i] = op(part[i], c)
		}
		return true
	})
	for i := v.size; i < len(acc); i++ {
		acc[i] = op(acc[i], 0)
	}
	return err
}
