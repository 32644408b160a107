package hash

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"
)

// Dice gives random numbers that follow from a seed alone.
type Dice struct{ state uint64 }

// NewDice returns the dice of a seed. Those of neighbouring seeds have nothing in common.
func NewDice(seed uint64) *Dice { return &Dice{mix(seed)} }

func (d *Dice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	return mix(d.state)
}

// mix is the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below returns a number from 0 to n-1, n being at least 1. (It is not even by n in 2^64, which nobody sees.)
func (d *Dice) below(n uint64) uint64 {
	high, _ := bits.Mul64(d.next(), n)
	return high
}

// Pair is a field and its value.
type Pair struct{ Field, Value []byte }

// Random takes n fields of a hash that has some, all of them with the same chance. Where again is set, each is taken
// anew, so that a field may come several times; else all differ, and n is at most the number of fields. Taking fields
// ends when fn wants no more.
//
// From a small hash, and where many are wanted, they are taken in one pass over it. Few of a large one are looked for
// one by one, see probe: a few seeks each, whatever the size.
func (h *Hash) Random(n uint64, again bool, dice *Dice, fn func(Pair) (more bool)) error {
	switch {
	case h.Large() && n < h.Len()/passShare:
		return h.probes(n, again, dice, fn)
	case again:
		return h.passAgain(n, dice, fn)
	}
	return h.passOnce(n, dice, fn)
}

// passShare is how many fields a pass goes by in the time that a probe takes, about.
const passShare = 32

// passOnce takes each field with the chance that is right for how many are still wanted of how many are left.
func (h *Hash) passOnce(n uint64, dice *Dice, fn func(Pair) bool) error {
	left := h.Len()
	return h.Walk(func(field, value []byte) (bool, error) {
		if dice.below(max(left, 1)) < n {
			n--
			if !fn(Pair{bytes.Clone(field), bytes.Clone(value)}) {
				return false, nil
			}
		}
		left--
		return n > 0, nil
	})
}

// passAgain draws n numbers of fields, finds the fields in their order, and gives them in the order they were drawn.
func (h *Hash) passAgain(n uint64, dice *Dice, fn func(Pair) bool) error {
	type draw struct{ number, turn uint64 }
	draws := make([]draw, n)
	for i := range draws {
		draws[i] = draw{dice.below(h.Len()), uint64(i)}
	}
	slices.SortFunc(draws, func(a, b draw) int { return cmp.Compare(a.number, b.number) })
	found, number, rest := make([]Pair, n), uint64(0), draws
	err := h.Walk(func(field, value []byte) (bool, error) {
		var p Pair
		for ; len(rest) > 0 && rest[0].number == number; rest = rest[1:] {
			if p.Field == nil {
				p = Pair{bytes.Clone(field), bytes.Clone(value)}
			}
			found[rest[0].turn] = p
		}
		number++
		return len(rest) > 0, nil
	})
	if err == nil && len(rest) > 0 {
		return errPayload // fewer fields than are counted
	}
	for _, p := range found {
		if err != nil || !fn(p) {
			break
		}
	}
	return err
}

// probes takes n fields of a large hash one by one.
func (h *Hash) probes(n uint64, again bool, dice *Dice, fn func(Pair) bool) error {
	taken := make(map[string]bool)
	for n > 0 {
		p, err := h.probe(dice)
		if err != nil {
			return err
		}
		if !again {
			if taken[string(p.Field)] {
				continue
			}
			taken[string(p.Field)] = true
		}
		if n--; !fn(p) {
			return nil
		}
	}
	return nil
}

// Of a large hash one field is taken so: the places are cut into windows that have between four and eight fields each
// in the mean. In a window, taken at random, a number below windowRoom is drawn. If so many fields are there, the one
// of that number is taken, otherwise all begins anew. So each field has the same chance, whatever is in its window; and
// a try succeeds one time in three to six. A window with more than windowRoom fields is one in a million, unless
// somebody looks for fields that share a place: then theirs have a smaller chance.
const (
	windowFields = 4
	windowRoom   = 24
	windowMost   = 4096 // fields of a window are looked at, at most
	mostTries    = 128  // then the next best is taken, so that it ends whatever the fields are
)

func (h *Hash) probe(dice *Dice) (p Pair, err error) {
	windows := uint64(1) << min(max(bits.Len64(h.Len()/windowFields), 1)-1, 31)
	width := (maxPlace + 1) / windows
	for range mostTries {
		from := dice.below(windows) * width
		number := dice.below(windowRoom)
		var found []Pair
		err := h.walkParts(uint32(from), func(place uint32, field, value []byte) (bool, error) {
			if uint64(place)-from >= width {
				return false, nil
			}
			found = append(found, Pair{bytes.Clone(field), bytes.Clone(value)})
			return len(found) < windowMost, nil
		})
		if err != nil {
			return p, err
		}
		if n := uint64(len(found)); n > windowRoom {
			return found[dice.below(n)], nil
		} else if number < n {
			return found[number], nil
		}
	}
	return h.following(uint32(dice.next()))
}

// following returns the field at or behind a place, and behind the last the first.
func (h *Hash) following(place uint32) (p Pair, err error) {
	take := func(_ uint32, field, value []byte) (bool, error) {
		p = Pair{bytes.Clone(field), bytes.Clone(value)}
		return false, nil
	}
	if err = h.walkParts(place, take); err == nil && p.Field == nil {
		err = h.walkParts(0, take)
	}
	if err == nil && p.Field == nil {
		err = errPayload // it counts fields, and has none
	}
	return p, err
}
