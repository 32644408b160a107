package transcript

import "strings"

const blanks = " \t\v\f\r"

// splitArgs splits a line into arguments as redis-cli does (sdssplitargs), and reports whether the quotes balance.
//
//	plain      up to the next blank
//	"a\n\x41"  \n \r \t \b \a and \xHH are bytes, any other escaped character stands for itself
//	'a\'b'     only \' is an escape
//
// A closing quote ends the argument and must be followed by a blank.
func splitArgs(line string) (argv [][]byte, ok bool) {
	for {
		line = strings.TrimLeft(line, blanks)
		if line == "" {
			return argv, true
		}
		arg := []byte{}
		for line != "" && strings.IndexByte(blanks, line[0]) < 0 {
			if c := line[0]; c != '"' && c != '\'' {
				arg, line = append(arg, c), line[1:]
				continue
			}
			arg, line, ok = quoted(arg, line)
			if !ok || line != "" && strings.IndexByte(blanks, line[0]) < 0 {
				return nil, false
			}
		}
		argv = append(argv, arg)
	}
}

// quoted appends what stands between the quote that opens s and its partner to dst, and returns what follows.
func quoted(dst []byte, s string) (arg []byte, rest string, ok bool) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return dst, s[i+1:], true
		case s[i] != '\\' || i+1 == len(s) || quote == '\'' && s[i+1] != '\'':
			dst = append(dst, s[i])
		case quote == '\'':
			i++
			dst = append(dst, '\'')
		default:
			c, n := unescape(s[i+1:])
			dst = append(dst, c)
			i += n
		}
	}
	return nil, "", false
}

// unescape reads what follows a backslash, at least one byte, and returns its meaning and length.
func unescape(s string) (c byte, n int) {
	if s[0] == 'x' && len(s) >= 3 {
		hi := strings.IndexByte(hexDigits, s[1]|0x20)
		lo := strings.IndexByte(hexDigits, s[2]|0x20)
		if hi >= 0 && lo >= 0 {
			return byte(hi<<4 | lo), 3
		}
	}
	if i := strings.IndexByte("nrtba", s[0]); i >= 0 {
		return "\n\r\t\b\a"[i], 1
	}
	return s[0], 1
}

const hexDigits = "0123456789abcdef"
