package command

import (
	"bytes"
	"strings"

	"cairn/storage/layout"
)

// globMatch reports whether s matches pattern, byte by byte, as KEYS and SCAN of Redis understand patterns:
//
//	a      the byte a
//	?      one byte
//	*      any bytes, none too
//	[abc]  one byte of a class; a-z in it is a range, the bounds in any order; \ takes the next byte as it is;
//	       [^abc] is one byte that is not of the class. The first ] ends the class, so [] is no byte and [^] is any.
//	       A class that is never closed ends with the pattern
//	\x     the byte x; at the very end of the pattern, the backslash
//
// Three corners are Redis's own: in [a-] the bracket is the upper bound of a range (and the class not closed), the
// empty string matches no pattern but the empty one, and in the order of a range the bytes from 0x80 on are below all
// others, as C on x86-64 has them: [a-\xc3] is the bytes up to a and those from 0xc3 on.
//
// The last * alone is ever tried again, so the cost is at most len(pattern) × len(s). That is enough because everything
// else takes exactly one byte. tidwall/match does not fit: it knows no classes, and its ? is a rune, not a byte.
func globMatch(pattern, s []byte) bool {
	if len(s) == 0 {
		return len(pattern) == 0
	}
	star, resume := -1, 0 // the place behind the last *, and where in s the rest was last tried
	p := 0
	for i := 0; i < len(s); {
		if p < len(pattern) {
			if pattern[p] == '*' {
				p++
				star, resume = p, i
				continue
			}
			if width, ok := globByte(pattern[p:], s[i]); ok {
				p, i = p+width, i+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		resume++
		p, i = star, resume
	}
	return len(bytes.Trim(pattern[p:], "*")) == 0
}

// Match reports whether a name matches a glob pattern of Redis's.
func Match(pattern, name string) bool { return globMatch([]byte(pattern), []byte(name)) }

// MatchFold reports whether a name matches a pattern of KEYS, whatever the case of the letters. CONFIG GET and
// COMMAND LIST match so.
func MatchFold(pattern, name string) bool {
	return globMatch([]byte(strings.ToLower(pattern)), []byte(strings.ToLower(name)))
}

// globByte matches the first element of pattern, which is not empty and no *, with one byte. width is the element's
// length.
func globByte(pattern []byte, c byte) (width int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		return globClass(pattern, c)
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == c
		}
	}
	return 1, pattern[0] == c
}

// globClass is globByte for a class.
func globClass(pattern []byte, c byte) (width int, ok bool) {
	i := 1
	negated := i < len(pattern) && pattern[i] == '^'
	if negated {
		i++
	}
	for ; i < len(pattern) && pattern[i] != ']'; i++ {
		rest := pattern[i:]
		switch {
		case rest[0] == '\\' && len(rest) > 1:
			i++
			ok = ok || rest[1] == c
		case len(rest) > 2 && rest[1] == '-':
			i += 2
			from, to := int8(rest[0]), int8(rest[2])
			ok = ok || min(from, to) <= int8(c) && int8(c) <= max(from, to)
		default:
			ok = ok || rest[0] == c
		}
	}
	return min(i+1, len(pattern)), ok != negated
}

// globSlot returns the only hash slot that keys matching pattern can have; ok is false when there may be several. It is
// known when the pattern says the whole key, or says it up to the end of its hash tag.
func globSlot(pattern []byte) (slot uint16, ok bool) {
	fixed := pattern
	if i := bytes.IndexAny(pattern, `*?[\`); i >= 0 {
		fixed = pattern[:i]
		open := bytes.IndexByte(fixed, '{')
		if open < 0 || bytes.IndexByte(fixed[open+1:], '}') <= 0 {
			return 0, false
		}
	}
	return layout.Slot(fixed), true
}
