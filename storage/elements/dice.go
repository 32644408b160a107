package elements

import "math/bits"

// Dice gives random numbers that follow from a seed alone.
type Dice struct{ state uint64 }

// NewDice returns the dice of a seed. Those of neighbouring seeds have nothing in common.
func NewDice(seed uint64) *Dice { return &Dice{mix(seed)} }

// Number returns a number of 64 bits.
func (d *Dice) Number() uint64 {
	d.state += 0x9e3779b97f4a7c15
	return mix(d.state)
}

// mix is the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Below returns a number from 0 to n-1, n being at least 1. (It is not even by n in 2^64, which nobody sees.)
func (d *Dice) Below(n uint64) uint64 {
	high, _ := bits.Mul64(d.Number(), n)
	return high
}
