package zset

import "bytes"

// Text is an end of a range of texts.
type Text struct {
	Text      []byte
	Exclusive bool
	Infinite  int // -1: below every text; 1: above every text
}

// Compare returns how two ends stand to each other.
func (a Text) Compare(b Text) int {
	if a.Infinite != b.Infinite || a.Infinite != 0 {
		return a.Infinite - b.Infinite
	}
	return bytes.Compare(a.Text, b.Text)
}

// reached reports whether a member is at or above a lower end.
func (a Text) reached(member []byte) bool {
	c := a.Infinite
	if c == 0 {
		c = bytes.Compare(a.Text, member)
	}
	return c < 0 || c == 0 && !a.Exclusive
}

// kept reports whether a member is at or below an upper end.
func (a Text) kept(member []byte) bool {
	c := a.Infinite
	if c == 0 {
		c = bytes.Compare(a.Text, member)
	}
	return c > 0 || c == 0 && !a.Exclusive
}

// Texts returns the ranks [from, to) of the members between two texts. It is what it says for members that all have the
// same score, as Redis asks for; otherwise it is some range that Redis could answer: for a small set the one that it
// does, which differs by the direction of the walk.
func (z *Set) Texts(low, high Text, back bool) (from, to uint64, err error) {
	if c := low.Compare(high); z.Count == 0 || c > 0 || c == 0 && (low.Exclusive || high.Exclusive || low.Infinite != 0) {
		return 0, 0, nil
	}
	if !z.Large() {
		return z.textsInRow(low, high, back)
	}
	score := 0.0
	err = z.WalkRanks(0, func(_ []byte, s float64) (bool, error) {
		score = s
		return false, nil
	})
	if err != nil {
		return 0, 0, err
	}
	if from, err = z.belowText(score, low, low.Exclusive); err == nil {
		to, err = z.belowText(score, high, !high.Exclusive)
	}
	return from, max(from, to), err
}

// belowText returns how many entries are below one of a score and a text; and that one too, when through is set.
func (z *Set) belowText(score float64, end Text, through bool) (uint64, error) {
	switch {
	case end.Infinite < 0:
		return 0, nil
	case end.Infinite > 0:
		return z.Count, nil
	}
	key := appendKey(nil, score, end.Text)
	if through {
		key = append(key, 0)
	}
	return z.below(key)
}

func (z *Set) textsInRow(low, high Text, back bool) (from, to uint64, err error) {
	members, err := z.inRow()
	if err == nil && len(members) == 0 {
		err = errPayload // it counts some
	}
	if err != nil || !low.reached(members[len(members)-1].Name) || !high.kept(members[0].Name) {
		return 0, 0, err
	}
	n := len(members)
	if back {
		last := n - 1
		for last >= 0 && !high.kept(members[last].Name) {
			last--
		}
		first := last
		for first >= 0 && low.reached(members[first].Name) {
			first--
		}
		return uint64(first + 1), uint64(last + 1), nil
	}
	first := 0
	for first < n && !low.reached(members[first].Name) {
		first++
	}
	last := first
	for last < n && high.kept(members[last].Name) {
		last++
	}
	return uint64(first), uint64(last), nil
}
