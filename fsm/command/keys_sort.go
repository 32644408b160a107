package command

import (
	"bytes"
	"cmp"
	"slices"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/keys"
	"cairn/storage/layout"
	"cairn/storage/list"
	"cairn/storage/set"
	"cairn/storage/str"
	"cairn/storage/zset"
)

func sortRows() []Spec {
	const cost = "where N is the number of elements, and M that of those that are returned"
	return []Spec{
		{Name: "sort", Summary: "Sorts the elements of a list, a set or a sorted set, and returns or stores them, or what other keys hold about them",
			Cost: cost, Exec: Write(parseSort, runSort(sortLimits())), Search: []KeySpec{
				{Index: 1, Step: 1, Access: "RO ACCESS"},
				{Index: 2, Keyword: "STORE", Option: true, Step: 1, Access: "OW UPDATE"},
			}},
		{Name: "sort_ro", Summary: "Sorts the elements of a list, a set or a sorted set, and returns them, or what other keys hold about them",
			Cost: cost, Exec: Read(parseSortRO, runSortRO(sortLimits())), Search: []KeySpec{{Index: 1, Step: 1, Access: "RO ACCESS"}}},
	}
}

// sortBounds is what a call may gather: all nodes wait for a SORT. Redis has no bounds.
type sortBounds struct {
	elements uint64
	bytes    int // of elements and of what other keys hold about them
}

func sortLimits() sortBounds { return sortBounds{maxAtOnce, 128 << 20} }

const (
	errSortElements reply.UserError = "ERR more than 1048576 elements would have to be sorted, ask for fewer at a time"
	errSortBytes    reply.UserError = "ERR the elements, with what BY and GET find, take more than 128 MiB, ask for less at a time"
	errSortScore    reply.UserError = "ERR One or more scores can't be converted into double"
)

// sortQuery is a parsed SORT.
type sortQuery struct {
	key           []byte
	by            *sortPattern // nil is by the elements themselves
	gets          []sortPattern
	offset, count int64 // a negative count is all
	descending    bool
	alpha         bool // texts are compared, not numbers
	unsorted      bool // a BY names no key: the elements stay as they are
	storing       bool
	into          []byte
}

func parseSort(argv [][]byte) (sortQuery, error) { return parseSortOptions(argv, true) }

func parseSortRO(argv [][]byte) (sortQuery, error) { return parseSortOptions(argv, false) }

func parseSortOptions(argv [][]byte, mayStore bool) (q sortQuery, err error) {
	q = sortQuery{key: argv[1], count: -1}
	for args := argv[2:]; len(args) > 0; args = args[1:] {
		word, more := args[0], len(args)-1
		switch {
		case isWord(word, "ASC"):
			q.descending = false
		case isWord(word, "DESC"):
			q.descending = true
		case isWord(word, "ALPHA"):
			q.alpha = true
		case isWord(word, "LIMIT") && more > 1:
			if q.offset, q.count, err = parseRange(args[1:]); err != nil {
				return q, err
			}
			args = args[2:]
		case mayStore && isWord(word, "STORE") && more > 0:
			q.storing, q.into, args = true, args[1], args[1:]
		case isWord(word, "BY") && more > 0:
			by := parseSortPattern(args[1])
			q.by, args = &by, args[1:]
			q.unsorted = q.unsorted || !by.named // whatever a later BY says
		case isWord(word, "GET") && more > 0:
			q.gets = append(q.gets, parseSortPattern(args[1]))
			args = args[1:]
		default:
			return q, reply.ErrSyntax
		}
	}
	return q, nil
}

func runSortRO(most sortBounds) func(env Env, r storage.Reader, q sortQuery) (reply.Reply, error) {
	return func(env Env, r storage.Reader, q sortQuery) (reply.Reply, error) {
		found, err := q.results(env, r, most)
		return reply.ArrayOf(found...), err
	}
}

func runSort(most sortBounds) func(env Env, t *storage.Txn, q sortQuery) (reply.Reply, error) {
	return func(env Env, t *storage.Txn, q sortQuery) (reply.Reply, error) {
		found, err := q.results(env, t, most)
		switch {
		case err != nil:
			return reply.Reply{}, err
		case !q.storing:
			return reply.ArrayOf(found...), nil
		}
		return reply.Int(int64(len(found))), storeList(env, t, q.into, found)
	}
}

// storeList makes texts the list at key, in the place of whatever is there, with its time to live; nil is an empty
// text.
func storeList(env Env, t *storage.Txn, key []byte, texts []reply.Reply) error {
	h, err := keys.Open(t, env.DB, key)
	if err == nil {
		_, err = h.Remove()
	}
	if err != nil || len(texts) == 0 {
		return err
	}
	l, err := openList(env, t, key)
	if err != nil {
		return err
	}
	for _, text := range texts {
		if err := l.Push(true, text.Str); err != nil {
			return err
		}
	}
	return l.Save(env.Version)
}

// results returns what a call answers or stores.
func (q sortQuery) results(env Env, r storage.Reader, most sortBounds) (found []reply.Reply, err error) {
	s := sorter{sortQuery: q, env: env, r: r, most: most}
	source, err := openSortSource(env, r, q.key)
	if err != nil {
		return nil, err
	}
	if source.isSet && q.unsorted && q.storing { // what is stored shall not depend on a set's order
		s.unsorted, s.alpha, s.by = false, true, nil
	}
	from, to := q.window(source.count)
	if s.unsorted {
		err = s.gather(source, from, to)
	} else if err = s.gather(source, 0, source.count); err == nil {
		if err = s.weigh(); err == nil {
			slices.SortFunc(s.items, s.compare)
			s.items = s.items[from:to]
		}
	}
	if err != nil {
		return nil, err
	}
	return s.shown()
}

// window returns the part [from, to) of n elements that LIMIT leaves.
func (q *sortQuery) window(n uint64) (from, to uint64) {
	from = min(uint64(max(q.offset, 0)), n)
	if q.count < 0 {
		return from, n
	}
	return from, from + min(uint64(q.count), n-from)
}

// sortSource is the collection that is sorted.
type sortSource struct {
	count uint64
	isSet bool
	// walk calls fn for the elements behind the first skip ones, in the order of the type, which a set has none of.
	walk func(skip uint64, back bool, fn func(element []byte) (more bool, err error)) error
}

// openSortSource looks a collection up; one that is absent has no elements.
func openSortSource(env Env, r storage.Reader, key []byte) (s sortSource, err error) {
	row, ok, err := keys.Lookup(r, env.DB, key)
	if err != nil || !ok {
		return s, err
	}
	switch row.Type {
	case layout.List:
		l, err := list.Of(r, env.DB, row)
		s.count = l.Entries()
		s.walk = func(skip uint64, back bool, fn func([]byte) (bool, error)) error {
			if back {
				return l.WalkBack(l.Entries()-1-skip, fn)
			}
			return l.Walk(skip, fn)
		}
		return s, err
	case layout.SortedSet:
		z, err := zset.Of(r, env.DB, row)
		s.count = z.Len()
		s.walk = func(skip uint64, back bool, fn func([]byte) (bool, error)) error {
			take := func(member []byte, _ float64) (bool, error) { return fn(member) }
			if back {
				return z.WalkRanksBack(z.Len()-1-skip, take)
			}
			return z.WalkRanks(skip, take)
		}
		return s, err
	case layout.Set:
		m, err := set.Of(r, env.DB, row)
		s.count, s.isSet = m.Len(), true
		s.walk = func(skip uint64, _ bool, fn func([]byte) (bool, error)) error {
			return set.Ascending(m.Members())(func(member []byte) (bool, error) {
				if skip > 0 {
					skip--
					return true, nil
				}
				return fn(member)
			})
		}
		return s, err
	}
	return s, reply.ErrWrongType
}

// sorter sorts for one call.
type sorter struct {
	sortQuery
	env   Env
	r     storage.Reader
	most  sortBounds
	size  int // of what was gathered
	items []sortItem
}

// sortItem is an element and what it is sorted by.
type sortItem struct {
	element []byte
	at      int     // where it was
	score   float64 // 0 where BY finds nothing
	text    []byte  // with ALPHA
	found   bool    // there is a text
}

// holdText counts what is held.
func (s *sorter) holdText(b []byte) error {
	if s.size += elemBytes + len(b); s.size > s.most.bytes {
		return errSortBytes
	}
	return nil
}

// gather takes the elements [from, to), counted from the back when nothing is sorted and the order is descending.
func (s *sorter) gather(source sortSource, from, to uint64) error {
	passed := to - from
	if source.isSet {
		passed = to
	}
	switch {
	case from == to:
		return nil
	case passed > s.most.elements:
		return errSortElements
	}
	s.items = make([]sortItem, 0, to-from)
	return source.walk(from, s.unsorted && s.descending, func(element []byte) (bool, error) {
		s.items = append(s.items, sortItem{element: bytes.Clone(element), at: len(s.items)})
		return uint64(len(s.items)) < to-from, s.holdText(element)
	})
}

// weigh finds what each element is sorted by.
func (s *sorter) weigh() error {
	failed := false // more than 128 MiB is an error that comes first
	for i := range s.items {
		it := &s.items[i]
		it.text, it.found = it.element, true
		if s.by != nil {
			var err error
			if it.text, it.found, err = s.by.lookup(s.env, s.r, it.element); err == nil {
				err = s.holdText(it.text)
			}
			if err != nil {
				return err
			}
		}
		switch {
		case !s.alpha && it.found:
			var ok bool
			it.score, ok = parseSortScore(it.text)
			failed = failed || !ok
			it.text = nil
		case !s.storing: // Redis compares C strings, unless it stores
			it.text, _, _ = bytes.Cut(it.text, []byte{0})
		}
	}
	if failed {
		return errSortScore
	}
	return nil
}

// minNormal is the least number that is no subnormal one.
const minNormal = 0x1p-1022

// parseSortScore reads a number as C's strtod does, to the first zero byte: leading space does not count, and nothing
// at all is 0. What is out of range is no number, nor is a subnormal one.
func parseSortScore(b []byte) (score float64, ok bool) {
	b, _, _ = bytes.Cut(b, []byte{0})
	if len(b) == 0 {
		return 0, true
	}
	score, ok = str.ParseDouble(bytes.TrimLeft(b, " \t\n\v\f\r"))
	return score, ok && (score == 0 || score <= -minNormal || minNormal <= score)
}

// compare orders two elements. Equal numbers are in the order of the elements' bytes, equal texts in that of their
// type.
func (s *sorter) compare(a, b sortItem) (order int) {
	switch {
	case !s.alpha:
		if order = cmp.Compare(a.score, b.score); order == 0 {
			order = bytes.Compare(a.element, b.element)
		}
	case a.found != b.found:
		if order = 1; b.found {
			order = -1
		}
	default:
		order = bytes.Compare(a.text, b.text)
	}
	if s.descending {
		order = -order
	}
	return cmp.Or(order, cmp.Compare(a.at, b.at))
}

// shown returns the elements, or what GET finds about them.
func (s *sorter) shown() (found []reply.Reply, err error) {
	for _, it := range s.items {
		if len(s.gets) == 0 {
			found = append(found, reply.BulkBytes(it.element))
		}
		for i := range s.gets {
			value, ok, err := s.gets[i].lookup(s.env, s.r, it.element)
			if err == nil {
				err = s.holdText(value)
			}
			if err != nil {
				return nil, err
			}
			if ok {
				found = append(found, reply.BulkBytes(value))
			} else {
				found = append(found, reply.Nil())
			}
		}
	}
	return found, nil
}
