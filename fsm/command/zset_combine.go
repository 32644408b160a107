package command

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/set"
	"cairn/storage/str"
	"cairn/storage/zset"
)

func zsetCombineRows() []Spec {
	const cost = "where N is the number of members of all"
	return []Spec{
		{Name: "zunion", Summary: "Returns the members of any of several sorted sets and sets",
			Cost: cost, Exec: Read(parseMerge("zunion", unionOf), runMerge)},
		{Name: "zinter", Summary: "Returns the members that several sorted sets and sets have in common",
			Cost: "where N is the number of members of the smallest", Exec: Read(parseMerge("zinter", interOf), runMerge)},
		{Name: "zdiff", Summary: "Returns the members of a sorted set that others do not have",
			Cost: cost, Exec: Read(parseMerge("zdiff", diffOf), runMerge)},
		{Name: "zintercard", Summary: "Counts the members that several sorted sets and sets have in common",
			Cost: "where N is the number of members of the smallest", Exec: Read(parseMerge("zintercard", interOf), runInterCard)},
		{Name: "zunionstore", Summary: "Makes a sorted set of the members of any of several sorted sets and sets",
			Cost: cost, Exec: Write(parseMergeStore("zunionstore", unionOf), runMergeStore)},
		{Name: "zinterstore", Summary: "Makes a sorted set of the members that several sorted sets and sets have in common",
			Cost: "where N is the number of members of the smallest", Exec: Write(parseMergeStore("zinterstore", interOf), runMergeStore)},
		{Name: "zdiffstore", Summary: "Makes a sorted set of the members of a sorted set that others do not have",
			Cost: cost, Exec: Write(parseMergeStore("zdiffstore", diffOf), runMergeStore)},
	}
}

// mergeKind is how sorted sets are merged.
type mergeKind uint8

const (
	unionOf mergeKind = iota
	interOf
	diffOf
)

// zsetMerge is a ZUNION, ZINTER or ZDIFF, or one of their kin, whose keys are parsed; what follows them counts only
// once they are known to be sorted sets or sets.
type zsetMerge struct {
	kind    mergeKind
	store   bool // the result in a key
	into    []byte
	keys    [][]byte
	options [][]byte
}

func parseMerge(name string, kind mergeKind) func(argv [][]byte) (zsetMerge, error) {
	return func(argv [][]byte) (zsetMerge, error) {
		p := zsetMerge{kind: kind}
		return p, p.inputs(name, argv[1:])
	}
}

func parseMergeStore(name string, kind mergeKind) func(argv [][]byte) (zsetMerge, error) {
	return func(argv [][]byte) (zsetMerge, error) {
		p := zsetMerge{kind: kind, store: true, into: argv[1]}
		return p, p.inputs(name, argv[2:])
	}
}

// inputs reads the number of keys and the keys.
func (p *zsetMerge) inputs(name string, args [][]byte) error {
	n, err := parseInt64(args[0])
	switch {
	case err != nil:
		return err
	case n < 1:
		return reply.Errorf("ERR at least 1 input key is needed for '%s' command", name)
	case n > int64(len(args)-1):
		return reply.ErrSyntax
	}
	p.keys, p.options = args[1:1+n], args[1+n:]
	return nil
}

// mergeOptions is what follows the keys.
type mergeOptions struct {
	aggregate func(a, b float64) float64
	scores    bool
}

func sum(a, b float64) float64 { return notNaN(a + b) }

// lower and higher keep a where b is NaN, unlike min and max.
func lower(a, b float64) float64 {
	if b < a {
		return b
	}
	return a
}

func higher(a, b float64) float64 {
	if b > a {
		return b
	}
	return a
}

// notNaN returns 0 in the place of NaN, as the sum of two infinities is by convention.
func notNaN(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}

const errWeight reply.UserError = "ERR weight value is not a float"

// parseOptions reads the options; inputs get their weights.
func (p *zsetMerge) parseOptions(inputs []mergeInput) (o mergeOptions, err error) {
	o.aggregate = sum
	for rest := p.options; len(rest) > 0; {
		switch option := rest[0]; {
		case p.kind != diffOf && len(rest) > len(inputs) && isWord(option, "WEIGHTS"):
			for i := range inputs {
				var ok bool
				if inputs[i].weight, ok = str.ParseDouble(rest[1+i]); !ok {
					return o, errWeight
				}
			}
			rest = rest[1+len(inputs):]
		case p.kind != diffOf && len(rest) > 1 && isWord(option, "AGGREGATE"):
			if o.aggregate = aggregateOf(rest[1]); o.aggregate == nil {
				return o, reply.ErrSyntax
			}
			rest = rest[2:]
		case !p.store && isWord(option, "WITHSCORES"):
			o.scores = true
			rest = rest[1:]
		default:
			return o, reply.ErrSyntax
		}
	}
	return o, nil
}

func aggregateOf(name []byte) func(a, b float64) float64 {
	switch {
	case isWord(name, "SUM"):
		return sum
	case isWord(name, "MIN"):
		return lower
	case isWord(name, "MAX"):
		return higher
	}
	return nil
}

// mergeInput is a sorted set, or a set, whose members all have the score 1, that is merged with others. The zero value
// is empty.
type mergeInput struct {
	key    []byte
	weight float64
	count  uint64
	walk   func(fn func(member []byte, score float64) (more bool, err error)) error
	score  func(member []byte) (score float64, ok bool, err error)
}

// weighted returns a member's score as it counts in the sum.
func (in *mergeInput) weighted(score float64) float64 { return float64(in.weight * score) }

// openInputs looks the keys up: ErrWrongType when one is neither a sorted set nor a set.
func (p *zsetMerge) openInputs(env Env, r storage.Reader) ([]mergeInput, error) {
	inputs := make([]mergeInput, 0, len(p.keys))
	for _, key := range p.keys {
		in, err := openInput(env, r, key)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}

func openInput(env Env, r storage.Reader, key []byte) (mergeInput, error) {
	in := mergeInput{key: key, weight: 1}
	row, ok, err := keys.Lookup(r, env.DB, key)
	if err != nil || !ok {
		return in, err
	}
	switch row.Type {
	case layout.SortedSet:
		z, err := zset.Of(r, env.DB, row)
		in.count, in.score = z.Len(), z.Score
		in.walk = func(fn func([]byte, float64) (bool, error)) error { return z.WalkRanks(0, fn) }
		return in, err
	case layout.Set:
		s, err := set.Of(r, env.DB, row)
		in.count = s.Len()
		in.score = func(member []byte) (float64, bool, error) {
			has, err := s.Has(member)
			return 1, has, err
		}
		in.walk = func(fn func([]byte, float64) (bool, error)) error {
			return s.Walk(func(member, _ []byte) (bool, error) { return fn(member, 1) })
		}
		return in, err
	}
	return in, reply.ErrWrongType
}

// merge calls fn for the members of the result, in no certain order, until fn wants no more. member is valid during the
// call.
func (p *zsetMerge) merge(inputs []mergeInput, o mergeOptions, fn func(member []byte, score float64) (more bool)) error {
	if p.kind == diffOf {
		return difference(inputs, fn)
	}
	slices.SortStableFunc(inputs, func(a, b mergeInput) int { return cmp.Compare(a.count, b.count) })
	if p.kind == interOf {
		return intersection(inputs, o, fn)
	}
	return union(inputs, o, fn)
}

func union(inputs []mergeInput, o mergeOptions, fn func(member []byte, score float64) bool) error {
	total := uint64(0)
	for _, in := range inputs {
		if total += in.count; total > maxAtOnce {
			return errAtOnce
		}
	}
	found, at, size := []zset.Member(nil), make(map[string]int), 0
	for i := range inputs {
		in := &inputs[i]
		if in.count == 0 {
			continue
		}
		err := in.walk(func(member []byte, score float64) (bool, error) {
			score = notNaN(in.weighted(score))
			if n, ok := at[string(member)]; ok {
				found[n].Score = o.aggregate(found[n].Score, score)
				return true, nil
			}
			at[string(member)] = len(found)
			found = append(found, zset.Member{Name: bytes.Clone(member), Score: score})
			if size += elemBytes + len(member); size > maxReplyBytes {
				return false, errAtOnce
			}
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	for _, m := range found {
		if !fn(m.Name, m.Score) {
			break
		}
	}
	return nil
}

// intersection walks the smallest of inputs, which is the first.
func intersection(inputs []mergeInput, o mergeOptions, fn func(member []byte, score float64) bool) error {
	first := &inputs[0]
	switch {
	case first.count == 0:
		return nil
	case first.count > maxAtOnce:
		return errAtOnce
	}
	return first.walk(func(member []byte, own float64) (bool, error) {
		score := notNaN(first.weighted(own))
		for i := range inputs[1:] {
			in := &inputs[1+i]
			value, ok, err := in.score(member)
			if err != nil || !ok {
				return true, err
			}
			score = o.aggregate(score, in.weighted(value))
		}
		return fn(member, score), nil
	})
}

func difference(inputs []mergeInput, fn func(member []byte, score float64) bool) error {
	first := &inputs[0]
	switch {
	case first.count == 0:
		return nil
	case first.count > maxAtOnce:
		return errAtOnce
	}
	return first.walk(func(member []byte, score float64) (bool, error) {
		for _, in := range inputs[1:] {
			if in.count == 0 {
				continue
			}
			if _, ok, err := in.score(member); err != nil || ok {
				return true, err
			}
		}
		return fn(member, score), nil
	})
}

// merged returns the result as members, in no certain order.
func (p *zsetMerge) merged(env Env, r storage.Reader) (members []zset.Member, o mergeOptions, err error) {
	inputs, err := p.openInputs(env, r)
	if err != nil {
		return nil, o, err
	}
	if o, err = p.parseOptions(inputs); err != nil {
		return nil, o, err
	}
	size := 0
	err = p.merge(inputs, o, func(member []byte, score float64) bool {
		members = append(members, zset.Member{Name: bytes.Clone(member), Score: score})
		size += elemBytes + len(member)
		return size <= maxReplyBytes
	})
	if err == nil && size > maxReplyBytes {
		err = errAtOnce
	}
	return members, o, err
}

func runMerge(env Env, r storage.Reader, p zsetMerge) (reply.Reply, error) {
	members, o, err := p.merged(env, r)
	if err != nil {
		return reply.Reply{}, err
	}
	zset.Sort(members)
	return membersReply(members, o.scores), nil
}

func runMergeStore(env Env, t *storage.Txn, p zsetMerge) (reply.Reply, error) {
	members, _, err := p.merged(env, t)
	if err != nil {
		return reply.Reply{}, err
	}
	return reply.Int(int64(len(members))), zset.Replace(t, env.DB, p.into, members, env.Version)
}

const errInterLimit reply.UserError = "ERR LIMIT can't be negative"

func runInterCard(env Env, r storage.Reader, p zsetMerge) (reply.Reply, error) {
	inputs, err := p.openInputs(env, r)
	if err != nil {
		return reply.Reply{}, err
	}
	limit := int64(0)
	for rest := p.options; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 || !isWord(rest[0], "LIMIT") {
			return reply.Reply{}, reply.ErrSyntax
		}
		var ok bool
		if limit, ok = str.ParseInt(rest[1]); !ok || limit < 0 {
			return reply.Reply{}, errInterLimit
		}
	}
	count := int64(0)
	err = p.merge(inputs, mergeOptions{aggregate: sum}, func([]byte, float64) bool {
		count++
		return count != limit
	})
	return reply.Int(count), err
}
