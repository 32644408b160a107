package console

import "strings"

// splitArgs splits a line into arguments as redis-cli does (sdssplitargs), and reports whether the quotes balance.
//
//	plain      up to the next blank
//	"a\n\x41"  \n \r \t \b \a and \xHH are bytes, any other escaped character stands for itself
//	'a\'b'     only \' is an escape
//
// A closing quote ends the argument and must be followed by a blank. Quotes may open inside an argument: a"b" is ab.
func splitArgs(line string) (args []string, ok bool) {
	for {
		line = strings.TrimLeft(line, blanks)
		if line == "" {
			return args, true
		}
		arg, rest, ok := firstArg(line)
		if !ok {
			return nil, false
		}
		args = append(args, arg)
		line = rest
	}
}

const blanks = " \t\n\v\f\r"

func isBlank(c byte) bool { return strings.IndexByte(blanks, c) >= 0 }

// firstArg takes one argument from line, which does not start with a blank.
func firstArg(line string) (arg, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case strings.IndexByte(" \t\n\r", c) >= 0: // redis-cli skips \v and \f between arguments only
			return b.String(), line[i+1:], true
		case c == '"' || c == '\'':
			n, ok := quoted(&b, line[i+1:], c)
			end := i + 1 + n
			if !ok || end < len(line) && !isBlank(line[end]) {
				return "", "", false
			}
			return b.String(), line[end:], true
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", true
}

// quoted copies s up to the closing quote to b and returns the length of what it used, the quote included.
func quoted(b *strings.Builder, s string, quote byte) (used int, ok bool) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return i + 1, true
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
		case quote == '\'':
			if s[i+1] == '\'' {
				i++
			}
			b.WriteByte(s[i])
		default:
			c, n := unescape(s[i+1:])
			b.WriteByte(c)
			i += n
		}
	}
	return 0, false
}

// unescape reads what follows a backslash, at least one byte, and returns its meaning and length.
func unescape(s string) (c byte, n int) {
	if s[0] == 'x' && len(s) >= 3 {
		hi, okHi := hexDigit(s[1])
		lo, okLo := hexDigit(s[2])
		if okHi && okLo {
			return hi<<4 | lo, 3
		}
	}
	if i := strings.IndexByte("nrtba", s[0]); i >= 0 {
		return "\n\r\t\b\a"[i], 1
	}
	return s[0], 1
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
