package elements

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"cairn/storage/layout"
)

// Element is a name, and the value that the collection gives it.
type Element struct{ Name, Value []byte }

func clone(name, value []byte) Element { return Element{bytes.Clone(name), bytes.Clone(value)} }

// Random takes n elements of a collection that has some, all of them with the same chance. Where again is set, each is
// taken anew, so that an element may come several times; else all differ, and n is at most their number. Taking ends
// when fn wants no more.
//
// From a small collection, and where many are wanted, they are taken in one pass over it. Few of a large one are looked
// for one by one, see probe: a few seeks each, whatever the size.
func Random(c Source, n uint64, again bool, dice *Dice, fn func(Element) (more bool)) error {
	switch {
	case c.Large() && n < c.Len()/passShare:
		return probes(c, n, again, dice, fn)
	case again:
		return passAgain(c, n, dice, fn)
	}
	return passOnce(c, n, dice, fn)
}

// passShare is how many elements a pass goes by in the time that a probe takes, about.
const passShare = 32

// passOnce takes each element with the chance that is right for how many are still wanted of how many are left.
func passOnce(c Source, n uint64, dice *Dice, fn func(Element) bool) error {
	left := c.Len()
	return c.Walk(func(name, value []byte) (bool, error) {
		if dice.Below(max(left, 1)) < n {
			n--
			if !fn(clone(name, value)) {
				return false, nil
			}
		}
		left--
		return n > 0, nil
	})
}

// passAgain draws n numbers of elements, finds them in their order, and gives them in the order they were drawn.
func passAgain(c Source, n uint64, dice *Dice, fn func(Element) bool) error {
	type draw struct{ number, turn uint64 }
	draws := make([]draw, n)
	for i := range draws {
		draws[i] = draw{dice.Below(c.Len()), uint64(i)}
	}
	slices.SortFunc(draws, func(a, b draw) int { return cmp.Compare(a.number, b.number) })
	found, number, rest := make([]Element, n), uint64(0), draws
	err := c.Walk(func(name, value []byte) (bool, error) {
		var e Element
		for ; len(rest) > 0 && rest[0].number == number; rest = rest[1:] {
			if e.Name == nil {
				e = clone(name, value)
			}
			found[rest[0].turn] = e
		}
		number++
		return len(rest) > 0, nil
	})
	if err == nil && len(rest) > 0 {
		return errMissing
	}
	for _, e := range found {
		if err != nil || !fn(e) {
			break
		}
	}
	return err
}

var errMissing = fmt.Errorf("%w: a collection has fewer elements than it counts", layout.ErrCorrupt)

// probes takes n elements of a large collection one by one.
func probes(c Source, n uint64, again bool, dice *Dice, fn func(Element) bool) error {
	taken := make(map[string]bool)
	for n > 0 {
		e, err := probe(c, dice)
		if err != nil {
			return err
		}
		if !again {
			if taken[string(e.Name)] {
				continue
			}
			taken[string(e.Name)] = true
		}
		if n--; !fn(e) {
			return nil
		}
	}
	return nil
}

// Of a large collection one element is taken so: the places are cut into windows that have windowElements each in the
// mean. In a window, taken at random, a number below windowRoom is drawn. If so many elements are there, the one of
// that number is taken, otherwise all begins anew. So each element has the same chance, whatever is in its window; and
// two tries in five succeed. A window with more than windowRoom elements is one in a million, unless somebody looks for
// names that share a place: then those behind windowRoom have a smaller chance, for seldom a number below windowMost is
// drawn.
const (
	windowElements = 16
	windowRoom     = 40
	windowMost     = 4096
	seldom         = 1024 // one time in so many
	mostTries      = 128  // then the next best is taken, so that it ends whatever the names are
)

func probe(c Source, dice *Dice) (e Element, err error) {
	const places = maxPlace + 1
	windows := min(max(c.Len()/windowElements, 1), places)
	width := (places + windows - 1) / windows
	windows = (places + width - 1) / width
	for range mostTries {
		from, room := dice.Below(windows)*width, uint64(windowRoom)
		if dice.Below(seldom) == 0 {
			room = windowMost
		}
		number := dice.Below(room)
		err := c.WalkFrom(AppendPlace(nil, uint32(from)), func(place uint32, name, value []byte) (bool, error) {
			if uint64(place)-from >= width {
				return false, nil
			}
			if number == 0 {
				e = clone(name, value)
				return false, nil
			}
			number--
			return true, nil
		})
		if err != nil || e.Name != nil {
			return e, err
		}
	}
	return following(c, uint32(dice.Number()))
}

// following returns the element at or behind a place, and behind the last the first.
func following(c Source, place uint32) (e Element, err error) {
	take := func(_ uint32, name, value []byte) (bool, error) {
		e = clone(name, value)
		return false, nil
	}
	if err = c.WalkFrom(AppendPlace(nil, place), take); err == nil && e.Name == nil {
		err = c.WalkFrom(nil, take)
	}
	if err == nil && e.Name == nil {
		err = errMissing
	}
	return e, err
}
