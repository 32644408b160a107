package history

import (
	"strconv"

	"github.com/anishathalye/porcupine"
)

// absent is the answer that there is no value.
const absent = "(nil)"

// value is the state of one key.
type value struct {
	there  bool
	mortal bool // it may be gone at any moment
	text   string
}

// String returns the value as GET answers it.
func (v value) String() string {
	if !v.there {
		return absent
	}
	return strconv.Quote(v.text)
}

// apply returns what an operation answers, and the state after it, as Redis's documentation has them.
func (v value) apply(o Op) (answer string, next value) {
	set := value{there: true, text: o.Arg}
	switch o.Verb {
	case "GET":
		return v.String(), v
	case "STRLEN":
		return strconv.Itoa(len(v.text)), v
	case "SET":
		return "OK", set
	case "SETPX":
		set.mortal = true
		return "OK", set
	case "SETGET":
		return v.String(), set
	case "SETNX":
		if v.there {
			return absent, v
		}
		return "OK", set
	case "GETDEL":
		return v.String(), value{}
	case "DEL":
		if !v.there {
			return "0", v
		}
		return "1", value{}
	case "INCR", "INCRBY":
		n, _ := strconv.Atoi(v.text) // 0 where there is none
		by, err := strconv.Atoi(o.Arg)
		if o.Verb == "INCR" || err != nil {
			by = 1
		}
		set.text = strconv.Itoa(n + by)
		return set.text, set
	case "APPEND":
		set.text = v.text + o.Arg
		return strconv.Itoa(len(set.text)), set
	}
	panic("history: no operation " + o.Verb)
}

// model says what operations on one key answer.
func model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return value{} },
		Step: func(state, in, out any) (bool, any) {
			v, e := state.(value), in.(event)
			answer, next := v.apply(e.op)
			if v.mortal && e.answer != unknown && e.answer != answer {
				answer, next = value{}.apply(e.op) // expired: from here on it is gone, until it is set again
			}
			return e.answer == unknown || e.answer == answer, next
		},
		DescribeOperation: func(in, _ any) string { return in.(event).String() },
	}
}
