package set

import (
	"slices"
	"strconv"

	"cairn/storage/str"
)

// Walk calls fn for members until it wants no more. A member is valid during the call.
type Walk func(fn func(member []byte) (more bool, err error)) error

// Members is the walk over all members.
func (s *Set) Members() Walk {
	return func(fn func(member []byte) (bool, error)) error {
		return s.Walk(func(member, _ []byte) (bool, error) { return fn(member) })
	}
}

// maxAscending is how many integers are put into order.
const maxAscending = 1 << 16

// Ascending is a walk over the same members in the order of Redis's intset: where all of them are integers, and are not
// too many, they come from the least to the greatest. Others come as they do.
func Ascending(walk Walk) Walk {
	return func(fn func(member []byte) (bool, error)) error {
		o := ordering{to: fn, more: true}
		err := walk(func(member []byte) (bool, error) {
			if n, isInt := str.ParseInt(member); isInt && !o.mixed && len(o.numbers) < maxAscending {
				o.numbers = append(o.numbers, n)
				return true, nil
			}
			o.mixed = true
			if err := o.handOn(); err != nil || !o.more {
				return false, err
			}
			return fn(member)
		})
		if err != nil || o.mixed || !o.more {
			return err
		}
		slices.Sort(o.numbers)
		return o.handOn()
	}
}

// ordering holds integers back as long as nothing else has come.
type ordering struct {
	to      func(member []byte) (bool, error)
	numbers []int64
	mixed   bool // something else has come, or too much
	more    bool
}

// handOn gives what was held back.
func (o *ordering) handOn() (err error) {
	for _, n := range o.numbers {
		if o.more, err = o.to(strconv.AppendInt(nil, n, 10)); err != nil || !o.more {
			return err
		}
	}
	o.numbers = nil
	return nil
}
