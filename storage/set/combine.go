package set

import (
	"bytes"
	"cmp"
	"container/heap"
	"slices"

	"cairn/storage/elements"
	"cairn/storage/layout"
)

// Op is what is made of several sets.
type Op uint8

// The operations.
const (
	Union Op = iota
	Inter
	Diff // what the first set has and no other
)

// Combine returns the walk over what an operation makes of sets, of which there is one at least. Each member comes
// once, in an order that stays. It takes memory for a few members of each set.
func Combine(op Op, sets []Set) Walk {
	sets = ordered(op, sets)
	return func(fn func(member []byte) (bool, error)) error {
		switch {
		case op != Union && sets[0].Len() == 0:
			return nil
		case len(sets) == 1 || lookups(op, sets) < passes(sets):
			return ask(op == Inter, sets, fn)
		}
		return merge(op, sets, fn)
	}
}

// Work returns how many members Combine passes at most, about.
func Work(op Op, sets []Set) uint64 {
	sets = ordered(op, sets)
	return min(lookups(op, sets), passes(sets))
}

// ordered returns the sets as they are best asked: of an intersection the smallest first.
func ordered(op Op, sets []Set) []Set {
	if op == Inter {
		sets = slices.Clone(sets)
		slices.SortStableFunc(sets, func(a, b Set) int { return cmp.Compare(a.Len(), b.Len()) })
	}
	return sets
}

// lookupShare is how many members a pass goes by in the time that a look-up takes, about.
const lookupShare = 8

// lookups returns what it costs to look up all members of the first set in the others, and passes what it costs to pass
// all sets, in members that are passed.
func lookups(op Op, sets []Set) uint64 {
	if op == Union {
		return passes(sets)
	}
	return sets[0].Len() * (1 + lookupShare*uint64(len(sets)-1))
}

func passes(sets []Set) (n uint64) {
	for i := range sets {
		n += sets[i].Len()
	}
	return n
}

// ask passes the first set, and calls fn for those of its members that the others have, all or none.
func ask(all bool, sets []Set, fn func(member []byte) (bool, error)) error {
	return sets[0].Walk(func(member, _ []byte) (bool, error) {
		for i := range sets[1:] {
			if has, err := sets[1+i].Has(member); err != nil || has != all {
				return true, err
			}
		}
		return fn(member)
	})
}

// merge passes all sets in the order of their places at once.
func merge(op Op, sets []Set, fn func(member []byte) (bool, error)) error {
	var at cursors
	for i := range sets {
		c := &cursor{set: &sets[i], number: i, page: max(maxPage/len(sets), 1)}
		if err := c.nextName(); err != nil {
			return err
		}
		if len(c.names) > 0 {
			at = append(at, c)
		}
	}
	heap.Init(&at)
	for len(at) > 0 {
		name, had, first := at[0].names[0], 0, false
		for len(at) > 0 && bytes.Equal(at[0].names[0], name) {
			c := at[0]
			had, first = had+1, first || c.number == 0
			if err := c.nextName(); err != nil {
				return err
			}
			if len(c.names) > 0 {
				heap.Fix(&at, 0)
			} else {
				heap.Pop(&at)
			}
		}
		if op == Inter && had < len(sets) || op == Diff && (had > 1 || !first) {
			continue
		}
		if more, err := fn(name[placeBytes:]); err != nil || !more {
			return err
		}
	}
	return nil
}

// What a cursor holds at most, unless one member alone is larger: names of all cursors, and bytes of one.
const (
	maxPage      = 4096
	maxPageBytes = 64 << 10
	placeBytes   = 4
)

// cursor is where the merge is in a set.
type cursor struct {
	set    *Set
	number int
	page   int      // how many names are read at a time
	names  [][]byte // as layout.AppendName makes them, in their order: what comes next of the set
	last   []byte   // the last name that was read
	ended  bool     // nothing is behind it
}

// nextName goes to the next name; there is none when names is empty.
func (c *cursor) nextName() error {
	if len(c.names) > 0 {
		c.names = c.names[1:]
	}
	if len(c.names) > 0 || c.ended {
		return nil
	}
	if !c.set.Large() {
		c.ended = true
		err := c.set.Walk(func(member, _ []byte) (bool, error) {
			c.names = append(c.names, layout.AppendName(nil, member))
			return true, nil
		})
		slices.SortFunc(c.names, bytes.Compare)
		return err
	}
	var from []byte
	if c.last != nil {
		from = elements.AppendBehind(nil, c.last[placeBytes:])
	}
	size := 0
	c.names, c.ended = nil, true
	return c.set.WalkFrom(from, func(_ uint32, member, _ []byte) (bool, error) {
		c.last = layout.AppendName(nil, member)
		c.names = append(c.names, c.last)
		if size += len(member); len(c.names) >= c.page || size >= maxPageBytes {
			c.ended = false
			return false, nil
		}
		return true, nil
	})
}

// cursors is a heap by what comes next.
type cursors []*cursor

func (h cursors) Len() int           { return len(h) }
func (h cursors) Less(i, j int) bool { return bytes.Compare(h[i].names[0], h[j].names[0]) < 0 }
func (h cursors) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *cursors) Push(x any) { *h = append(*h, x.(*cursor)) }

// Pop implements heap.Interface.
func (h *cursors) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
