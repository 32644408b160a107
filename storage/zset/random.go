package zset

import (
	"bytes"

	"cairn/storage/elements"
)

// Random takes n members of a sorted set that has some, all of them with the same chance. Where again is set, each is
// taken anew, so that a member may come several times; else all differ, and n is at most their number. Taking ends when
// fn wants no more.
func (z *Set) Random(n uint64, again bool, dice *elements.Dice, fn func(Member) (more bool)) error {
	if !z.Large() || n >= z.Count/passShare {
		return elements.Random(inOnePass{z}, n, again, dice, func(e elements.Element) bool {
			score, _ := parseScore(e.Value) // Walk has parsed it before
			return fn(Member{e.Name, score})
		})
	}
	taken := make(map[uint64]bool)
	for n > 0 {
		rank := dice.Below(z.Count)
		if !again {
			if taken[rank] {
				continue
			}
			taken[rank] = true
		}
		more := false
		err := z.WalkRanks(rank, func(member []byte, score float64) (bool, error) {
			more = fn(Member{bytes.Clone(member), score})
			return false, nil
		})
		if n--; err != nil || !more {
			return err
		}
	}
	return nil
}

// passShare is how many members a walk goes by in the time in which one is found by its rank, about.
const passShare = 32

// inOnePass is a sorted set of which elements are taken by walking.
type inOnePass struct{ *Set }

// Large implements elements.Source.
func (inOnePass) Large() bool { return false }
