package command

import (
	"bytes"
	"math"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/elements"
)

func hashWalkRows() []Spec {
	return []Spec{
		{Name: "hscan", Summary: "Lists the fields of a hash with their values step by step",
			Cost: "for a call with the default COUNT, O(N) for a whole iteration", Exec: Read(parseElementScan, runHScan)},
		{Name: "hrandfield", Summary: "Names some fields of a hash, all with the same chance",
			Cost: "where N is the number of fields that are named", Exec: Read(parseRandomPairs("WITHVALUES"), runHRandField)},
	}
}

func runHScan(env Env, r storage.Reader, p elementScan) (reply.Reply, error) {
	h, err := readHash(env, r, p.argv[1])
	if err != nil || h.Len() == 0 {
		return scanned(0, nil), err
	}
	return p.scan(&h, h.Walk, func(found []reply.Reply, field, value []byte) []reply.Reply {
		return append(found, reply.BulkBytes(bytes.Clone(field)), reply.BulkBytes(bytes.Clone(value)))
	})
}

// hashRandom is a parsed HRANDFIELD or ZRANDMEMBER.
type hashRandom struct {
	elementRandom
	values bool
}

// parseRandomPairs returns the parse of a call for random elements, which come with their values when this option is
// given.
func parseRandomPairs(option string) func(argv [][]byte) (hashRandom, error) {
	return func(argv [][]byte) (p hashRandom, err error) {
		if p.elementRandom, err = parseElementRandom(argv); err != nil {
			return p, err
		}
		if len(argv) > 4 || len(argv) == 4 && !isWord(argv[3], option) {
			return p, reply.ErrSyntax
		}
		if p.values = len(argv) == 4; p.values && (p.count < -math.MaxInt64/2 || p.count > math.MaxInt64/2) {
			return p, errOutOfRange
		}
		return p, nil
	}
}

const errOutOfRange reply.UserError = "ERR value is out of range"

func runHRandField(env Env, r storage.Reader, p hashRandom) (reply.Reply, error) {
	h, err := readHash(env, r, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	found, err := p.take(&h, env.Seed, func(found []reply.Reply, e elements.Element) []reply.Reply {
		if found = append(found, reply.BulkBytes(e.Name)); p.values {
			found = append(found, reply.BulkBytes(e.Value))
		}
		return found
	})
	if err != nil {
		return reply.Reply{}, err
	}
	if p.values {
		return reply.PairsOf(found...), nil
	}
	return p.answer(found), nil
}
