package command

import (
	"bytes"
	"math"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/elements"
	"cairn/storage/hash"
)

func hashWalkRows() []Spec {
	return []Spec{
		{Name: "hscan", Summary: "Lists the fields of a hash with their values step by step",
			Cost: "for a call with the default COUNT, O(N) for a whole iteration", Exec: Read(parseHScan, runHScan)},
		{Name: "hrandfield", Summary: "Names some fields of a hash, all with the same chance",
			Cost: "where N is the number of fields that are named", Exec: Read(parseHRandField, runHRandField)},
	}
}

// hashScan is an HSCAN whose cursor is parsed; its options count only where there is a hash.
type hashScan struct {
	cursor uint64
	argv   [][]byte
}

func parseHScan(argv [][]byte) (p hashScan, err error) {
	p.argv = argv
	p.cursor, err = parseCursor(argv[2])
	return p, err
}

// runHScan answers a small hash at once, whatever cursor and COUNT say, as Redis does.
func runHScan(env Env, r storage.Reader, p hashScan) (reply.Reply, error) {
	h, err := readHash(env, r, p.argv[1])
	if err != nil || h.Len() == 0 {
		return scanned(0, nil), err
	}
	var options scanParams
	if err := options.options(p.argv[3:], false); err != nil {
		return reply.Reply{}, err
	}
	found, size := []reply.Reply(nil), 0
	take := func(field, value []byte) bool {
		if options.wantsName(field) {
			found = append(found, reply.BulkBytes(bytes.Clone(field)), reply.BulkBytes(bytes.Clone(value)))
			size += len(field) + len(value)
		}
		return size < maxScanBytes
	}
	if !h.Large() {
		err := h.Walk(func(field, value []byte) (bool, error) {
			take(field, value)
			return true, nil
		})
		return scanned(0, found), err
	}
	next, err := elements.Page(&h, p.cursor, options.count, take)
	return scanned(next, found), err
}

// hashRandom is a parsed HRANDFIELD.
type hashRandom struct {
	key    []byte
	count  int64 // when counted; a negative one is of fields that may come again
	many   bool  // it is counted
	values bool
}

// maxRepeats is how many fields may be asked for that come again and again. Redis has no bound and stands still.
const maxRepeats = 1 << 20

func parseHRandField(argv [][]byte) (p hashRandom, err error) {
	p.key = argv[1]
	if len(argv) == 2 {
		return p, nil
	}
	p.many = true
	switch p.count, err = parseInt64(argv[2]); {
	case err != nil:
		return p, err
	case p.count == math.MinInt64:
		return p, reply.Errorf("ERR value is out of range, value must between %d and %d", -math.MaxInt64, math.MaxInt64)
	case len(argv) > 4 || len(argv) == 4 && !isWord(argv[3], "WITHVALUES"):
		return p, reply.ErrSyntax
	}
	if p.values = len(argv) == 4; p.values && (p.count < -math.MaxInt64/2 || p.count > math.MaxInt64/2) {
		return p, errOutOfRange
	}
	return p, nil
}

const (
	errOutOfRange reply.UserError = "ERR value is out of range"
	errRepeats    reply.UserError = "ERR value is out of range, at most 1048576 fields can be asked for that may come again"
)

func runHRandField(env Env, r storage.Reader, p hashRandom) (reply.Reply, error) {
	h, err := readHash(env, r, p.key)
	switch {
	case err != nil:
		return reply.Reply{}, err
	case p.count < -maxRepeats:
		return reply.Reply{}, errRepeats
	case !p.many && h.Len() == 0:
		return reply.Nil(), nil
	case !p.many:
		p.count = 1
	case h.Len() == 0 || p.count == 0:
		return reply.ArrayOf(), nil
	}
	found, err := randomFields(&h, p, elements.NewDice(env.Seed))
	switch {
	case err != nil:
		return reply.Reply{}, err
	case !p.many:
		return found[0], nil
	case p.values:
		return reply.PairsOf(found...), nil
	}
	return reply.ArrayOf(found...), nil
}

// randomFields returns fields, and their values if they are wanted, in turns.
func randomFields(h *hash.Hash, p hashRandom, dice *elements.Dice) (found []reply.Reply, err error) {
	n, again := uint64(p.count), p.count < 0
	if again {
		n = -n
	} else {
		n = min(n, h.Len())
	}
	size := 0
	err = elements.Random(h, n, again, dice, func(e elements.Element) bool {
		found = append(found, reply.BulkBytes(e.Name))
		size += elemBytes + len(e.Name)
		if p.values {
			found = append(found, reply.BulkBytes(e.Value))
			size += elemBytes + len(e.Value)
		}
		return size <= maxReplyBytes
	})
	if err == nil && size > maxReplyBytes {
		err = errLongReply
	}
	return found, err
}
