package resp

import "bytes"

// inline reads a call that is written as a line, the way a person types it; an empty line is no call.
func (p *parser) inline() (more bool, err error) {
	rest := p.buf[p.r:]
	n := bytes.IndexByte(rest, '\n')
	switch {
	case n > maxLine || n < 0 && len(rest) > maxLine:
		return false, protocolError("too big inline request")
	case n < 0:
		return false, nil
	}
	p.r += n + 1
	words, ok := splitWords(bytes.TrimSuffix(rest[:n], []byte{'\r'}))
	if !ok {
		return false, protocolError("unbalanced quotes in request")
	}
	p.argv = append(p.argv, words...)
	return true, nil
}

// splitWords parts a line as Redis does (sdssplitargs): words stand between spaces; "…" knows \n \r \t \b \a \xHH, '…'
// knows \'; after a closing quote there must be a space. Other bytes mean themselves. The words are copies.
func splitWords(line []byte) (words [][]byte, ok bool) {
	for {
		line = bytes.TrimLeft(line, " \t\n\v\f\r")
		if len(line) == 0 {
			return words, true
		}
		var word []byte
		if word, line, ok = splitWord(line); !ok {
			return nil, false
		}
		words = append(words, word)
	}
}

func splitWord(line []byte) (word, rest []byte, ok bool) {
	word = []byte{}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			return word, line[i:], true
		case c == '"' || c == '\'':
			var n int
			if word, n = unquote(word, line[i:]); n < 0 {
				return nil, nil, false
			}
			return word, line[i+n:], true
		default:
			word = append(word, c)
		}
	}
	return word, nil, true
}

// unquote appends the quoted text at the beginning of s, of which n bytes make it up; n is negative when the quotes
// are not balanced.
func unquote(word, s []byte) (_ []byte, n int) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			if i+1 < len(s) && !isSpace(s[i+1]) {
				return nil, -1
			}
			return word, i + 1
		case c == '\\' && quote == '\'' && i+1 < len(s) && s[i+1] == '\'':
			word = append(word, '\'')
			i++
		case c == '\\' && quote == '"' && i+3 < len(s) && s[i+1] == 'x' && isHex(s[i+2]) && isHex(s[i+3]):
			word = append(word, unhex(s[i+2])<<4|unhex(s[i+3]))
			i += 3
		case c == '\\' && quote == '"' && i+1 < len(s):
			word = append(word, escaped(s[i+1]))
			i++
		default:
			word = append(word, c)
		}
	}
	return nil, -1
}

func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}
