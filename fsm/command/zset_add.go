package command

import (
	"math"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/layout"
	"cairn/storage/zset"
)

func zsetAddRows() []Spec {
	return []Spec{
		{Name: "zadd", Parts: scored, PartName: layout.AppendMember, Summary: "Gives members of a sorted set their scores and counts the new ones",
			Cost: "for each member, where N is the number of members", Exec: Write(parseZAdd, runZAdd)},
		{Name: "zincrby", Parts: addedElement, PartName: layout.AppendMember, Summary: "Adds to the score of a member of a sorted set, which is 0 for an absent one",
			Cost: "where N is the number of members", Exec: Write(parseZIncrBy, runZAdd)},
		{Name: "zrem", Parts: allElements, PartName: layout.AppendMember, Summary: "Removes members from a sorted set and counts those that were there",
			Cost: "where N is the number of members, and M that of those that are removed", Exec: Write(raw, runZRem)},
	}
}

// zsetAdd is a parsed ZADD, ZINCRBY or GEOADD.
type zsetAdd struct {
	key            []byte
	nx, xx, gt, lt bool
	ch, incr       bool
	members        []zset.Member
}

const (
	errXXAndNX  reply.UserError = "ERR XX and NX options at the same time are not compatible"
	errGTLTNX   reply.UserError = "ERR GT, LT, and/or NX options at the same time are not compatible"
	errOneIncr  reply.UserError = "ERR INCR option supports a single increment-element pair"
	errNaNScore reply.UserError = "ERR resulting score is not a number (NaN)"
)

func parseZAdd(argv [][]byte) (zsetAdd, error) { return parseScored(argv, false) }

func parseZIncrBy(argv [][]byte) (zsetAdd, error) { return parseScored(argv, true) }

// parseScored reads a ZADD. Redis's ZINCRBY is one too, whose increment may be taken for an option.
func parseScored(argv [][]byte, incr bool) (zsetAdd, error) {
	p := zsetAdd{key: argv[1], incr: incr}
	args := argv[2:]
	for len(args) > 0 && p.option(args[0]) {
		args = args[1:]
	}
	switch {
	case len(args)%2 != 0 || len(args) == 0:
		return p, reply.ErrSyntax
	case p.nx && p.xx:
		return p, errXXAndNX
	case p.gt && p.nx || p.lt && p.nx || p.gt && p.lt:
		return p, errGTLTNX
	case p.incr && len(args) > 2:
		return p, errOneIncr
	}
	p.members = make([]zset.Member, 0, len(args)/2)
	for ; len(args) > 0; args = args[2:] {
		score, err := parseScore(args[0])
		if err != nil {
			return p, err
		}
		p.members = append(p.members, zset.Member{Name: args[1], Score: score})
	}
	return p, nil
}

// option takes an option, and reports whether arg is one.
func (p *zsetAdd) option(arg []byte) bool {
	if len(arg) != len("NX") && len(arg) != len("INCR") {
		return false
	}
	switch {
	case isWord(arg, "NX"):
		p.nx = true
	case isWord(arg, "XX"):
		p.xx = true
	case isWord(arg, "GT"):
		p.gt = true
	case isWord(arg, "LT"):
		p.lt = true
	case isWord(arg, "CH"):
		p.ch = true
	case isWord(arg, "INCR"):
		p.incr = true
	default:
		return false
	}
	return true
}

func runZAdd(env Env, t *storage.Txn, p zsetAdd) (reply.Reply, error) {
	z, err := openZset(env, t, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	done := p.nothingDone()
	if z.Len() == 0 && p.xx {
		return done.result(), nil
	}
	for _, m := range p.members {
		if err := done.addMember(z, m); err != nil {
			return reply.Reply{}, err
		}
	}
	if done.added+done.updated > 0 {
		err = z.Save(env.Version)
	}
	return done.result(), err
}

// zsetAdded is what a ZADD has done so far.
type zsetAdded struct {
	*zsetAdd
	added, updated int64
	processed      bool
	score          float64 // the last
}

func (p *zsetAdd) nothingDone() zsetAdded { return zsetAdded{zsetAdd: p} }

// addMember gives a member its score as the options want it. An error comes before anything is changed: only an INCR
// has one, and it is about one member.
func (d *zsetAdded) addMember(z *zset.Edit, m zset.Member) error {
	it, err := z.Item(m.Name)
	if err != nil {
		return err
	}
	if !it.Found {
		if d.xx {
			return nil
		}
		d.added++
		d.processed, d.score = true, m.Score
		return z.SetScore(&it, m.Score)
	}
	if d.nx {
		return nil
	}
	score := m.Score
	if d.incr {
		if score += it.Score; math.IsNaN(score) {
			return errNaNScore
		}
	}
	if d.lt && score >= it.Score || d.gt && score <= it.Score {
		return nil
	}
	if d.processed, d.score = true, score; score == it.Score {
		return nil
	}
	d.updated++
	return z.SetScore(&it, score)
}

func (d *zsetAdded) result() reply.Reply {
	switch {
	case d.incr:
		return scoreOrNil(d.score, d.processed)
	case d.ch:
		return reply.Int(d.added + d.updated)
	}
	return reply.Int(d.added)
}

func runZRem(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
	z, err := openZset(env, t, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	removed := int64(0)
	for _, name := range argv[2:] {
		if z.Len() == 0 {
			break
		}
		it, err := z.Item(name)
		if err != nil {
			return reply.Reply{}, err
		}
		was, err := z.RemoveItem(&it)
		if err != nil {
			return reply.Reply{}, err
		}
		if was {
			removed++
		}
	}
	if removed == 0 {
		return reply.Int(0), nil
	}
	return reply.Int(removed), z.Save(env.Version)
}
