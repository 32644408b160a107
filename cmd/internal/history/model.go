package history

import (
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"
)

// absent is the answer that there is no value.
const absent = "(nil)"

// value is the state of one key.
type value struct {
	there  bool
	mortal bool   // it may be gone at any moment
	text   string // of a list: its elements
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
	case "LRANGE":
		return "[" + v.text + "]", v
	case "RPUSH":
		set.text = v.text + element(o.Arg)
		return strconv.Itoa(strings.Count(set.text, element("")[1:])), set
	case "LPOP":
		first, rest, _ := strings.Cut(v.text, element("")[1:])
		if rest == "" {
			set = value{}
		} else {
			set.text = rest
		}
		if !v.there {
			return absent, value{}
		}
		return first + element("")[1:2], set
	}
	panic("history: no operation " + o.Verb)
}

// element returns an element as the text of a list has it, one behind the other. No element has a quote.
func element(text string) string { return strconv.Quote(text) + "," }

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
