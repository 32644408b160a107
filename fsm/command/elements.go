package command

import (
	"math"

	"cairn/fsm/reply"
	"cairn/storage/elements"
)

// Which words of a call are names of elements: fields, members.
var (
	oneElement  = &KeySpec{Index: 2, Step: 1}
	allElements = &KeySpec{Index: 2, Last: -1, Step: 1}
)

// elementScan is an HSCAN or SSCAN whose cursor is parsed; its options count only where there is a collection.
type elementScan struct {
	cursor uint64
	argv   [][]byte
}

func parseElementScan(argv [][]byte) (p elementScan, err error) {
	p.argv = argv
	p.cursor, err = parseCursor(argv[2])
	return p, err
}

// scan answers from a collection that has elements, with what add makes of each. A small one is answered at once, by
// walk, whatever cursor and COUNT say, as Redis does.
func (p elementScan) scan(c elements.Source, walk func(fn func(name, value []byte) (bool, error)) error,
	add func(found []reply.Reply, name, value []byte) []reply.Reply) (reply.Reply, error) {
	var options scanParams
	if err := options.options(p.argv[3:], false); err != nil {
		return reply.Reply{}, err
	}
	found, size := []reply.Reply(nil), 0
	take := func(name, value []byte) bool {
		if options.wantsName(name) {
			found = add(found, name, value)
			size += len(name) + len(value)
		}
		return size < maxScanBytes
	}
	if !c.Large() {
		err := walk(func(name, value []byte) (bool, error) {
			take(name, value)
			return true, nil
		})
		return scanned(0, found), err
	}
	next, err := elements.Page(c, p.cursor, options.count, take)
	return scanned(next, found), err
}

// elementRandom is what HRANDFIELD and SRANDMEMBER have in common.
type elementRandom struct {
	key   []byte
	count int64 // when counted; a negative one is of elements that may come again
	many  bool  // it is counted
}

// maxRepeats is how many elements may be asked for that come again and again. Redis has no bound and stands still.
const maxRepeats = 1 << 20

const errRepeats reply.UserError = "ERR value is out of range, at most 1048576 elements can be asked for that may come again"

// parseElementRandom reads the key and the count.
func parseElementRandom(argv [][]byte) (p elementRandom, err error) {
	p.key = argv[1]
	if len(argv) == 2 {
		return p, nil
	}
	p.many = true
	if p.count, err = parseInt64(argv[2]); err == nil && p.count == math.MinInt64 {
		err = reply.Errorf("ERR value is out of range, value must between %d and %d", -math.MaxInt64, math.MaxInt64)
	}
	return p, err
}

// take returns what add makes of random elements.
func (p elementRandom) take(c elements.Source, seed uint64, add func(found []reply.Reply, e elements.Element) []reply.Reply) (found []reply.Reply, err error) {
	n, again := uint64(1), p.count < 0
	switch {
	case p.count < -maxRepeats:
		return nil, errRepeats
	case c.Len() == 0 || p.many && p.count == 0:
		return nil, nil
	case again:
		n = uint64(-p.count)
	case p.many:
		n = min(uint64(p.count), c.Len())
	}
	size, had := 0, 0
	err = elements.Random(c, n, again, elements.NewDice(seed), func(e elements.Element) bool {
		found = add(found, e)
		size += elemBytes*(len(found)-had) + len(e.Name) + len(e.Value)
		had = len(found)
		return size <= maxReplyBytes
	})
	if err == nil && size > maxReplyBytes {
		err = errLongReply
	}
	return found, err
}

// answer gives what was taken: an array, or one element, or nothing.
func (p elementRandom) answer(found []reply.Reply) reply.Reply {
	switch {
	case p.many:
		return reply.ArrayOf(found...)
	case len(found) == 0:
		return reply.Nil()
	}
	return found[0]
}
