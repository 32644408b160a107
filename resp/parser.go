package resp

import (
	"bytes"
	"errors"
)

// The bounds of a request, Redis's own but maxArgs: Redis 7.0 takes two thousand million arguments.
const (
	maxLine      = 64 << 10    // bytes in an inline request or a length
	maxArgs      = 1024 * 1024 // arguments in one call
	minBulkLen   = 1 << 20     // the lowest proto-max-bulk-len
	bigBulk      = 32 << 10    // from here on an argument is received into memory of its own
	strangerArgs = 10          // arguments before AUTH
	strangerBulk = 16 << 10    // bytes in an argument before AUTH
	argOverhead  = 24          // what an argument holds beside its bytes
	minBuffer    = 4 << 10     // of a connection's read buffer
	minChunk     = 512         // of an arena
	maxChunk     = 32 << 10
	maxBuffer    = 64 << 10 // the read buffer grows to it when a client fills it
)

// errQueryBuffer is returned when a call exceeds client-query-buffer-limit; Redis closes without a word.
var errQueryBuffer = errors.New("resp: call exceeds the query buffer limit")

// protocolError is a request that is not RESP: the client hears it and is cut off.
type protocolError string

// Error implements error.
func (e protocolError) Error() string { return "Protocol error: " + string(e) }

// limits are the bounds that configuration and AUTH set.
type limits struct {
	bulk     int64 // proto-max-bulk-len
	buffer   int64 // client-query-buffer-limit
	stranger bool  // the client has yet to authenticate
}

// parser makes calls of bytes, whatever the pieces in which they arrive. What it holds grows with the bytes received,
// never with the lengths that a client claims.
//
// Arguments are copied into mem, or received into memory of their own: the read buffer is free again at once.
type parser struct {
	buf      []byte // buf[r:] is not parsed yet
	r        int
	full     bool     // the last read filled buf
	argc     int      // arguments of the call in progress that are still to come
	bulk     int      // length of the argument that is due; -1 when not read yet
	big      []byte   // what has come of it, when it is a big one
	argv     [][]byte // the call in progress; reused
	argBytes int64    // bytes in argv, with argOverhead for each
	mem      arena
	limits   limits
}

func newParser(l limits) *parser { return &parser{bulk: -1, limits: l} }

// nextCall returns the next call, nil when more bytes are needed, or an error, after which the rest of the bytes is
// lost. The slice is valid until the next call of next, its elements until recycle.
func (p *parser) nextCall() ([][]byte, error) {
	if p.argc == 0 {
		p.dropArgs()
	}
	for p.argc == 0 {
		if p.r == len(p.buf) {
			return nil, nil
		}
		if p.buf[p.r] == '*' {
			if more, err := p.parseCount(); !more {
				return nil, err
			}
			continue
		}
		if more, err := p.inline(); !more {
			return nil, err
		}
		if len(p.argv) > 0 {
			return p.argv, nil
		}
	}
	for p.argc > 0 {
		if more, err := p.argument(); !more {
			return nil, err
		}
	}
	return p.argv, nil
}

// dropArgs lets go of the last call.
func (p *parser) dropArgs() {
	clear(p.argv)
	if p.argv = p.argv[:0]; cap(p.argv) > 1024 {
		p.argv = nil
	}
	p.argBytes = 0
}

// parseCount reads the number of arguments; a number that is not positive is no call and no error.
func (p *parser) parseCount() (more bool, err error) {
	n, ok := p.shortLength('*')
	if !ok {
		line, whole, err := p.readLine("too big mbulk count string")
		if !whole {
			return false, err
		}
		n, ok = parseLength(line[1:])
	}
	switch {
	case !ok || n > maxArgs:
		return false, protocolError("invalid multibulk length")
	case n > strangerArgs && p.limits.stranger:
		return false, protocolError("unauthenticated multibulk length")
	}
	p.argc = int(max(n, 0))
	return true, nil
}

// argument reads what is there of an argument; more is false when it is not all there, or wrong.
func (p *parser) argument() (more bool, err error) {
	if p.bulk < 0 {
		if more, err = p.length(); !more {
			return false, err
		}
	}
	rest := p.buf[p.r:]
	if p.bulk >= bigBulk {
		n := min(p.bulk-len(p.big), len(rest))
		p.big = append(p.big, rest[:n]...)
		p.r += n
		rest = rest[n:]
		if len(p.big) < p.bulk || len(rest) < 2 {
			return false, p.tooMuch(int64(len(p.big) + len(rest)))
		}
		p.r += 2
		return p.addArg(p.big)
	}
	if len(rest) < p.bulk+2 {
		return false, p.tooMuch(int64(len(rest)))
	}
	p.r += p.bulk + 2
	return p.addArg(p.mem.copy(rest[:p.bulk]))
}

// addArg ends an argument. What stands in the place of its CRLF does not matter, to Redis neither.
func (p *parser) addArg(arg []byte) (more bool, err error) {
	p.argv = append(p.argv, arg)
	p.argBytes += int64(len(arg)) + argOverhead
	p.argc--
	p.bulk, p.big = -1, nil
	err = p.tooMuch(0)
	return err == nil, err
}

// tooMuch is the error when the call in progress, with more bytes that belong to it, is too large.
func (p *parser) tooMuch(more int64) error {
	if p.argBytes+more > p.limits.buffer {
		return errQueryBuffer
	}
	return nil
}

// length reads the length of an argument.
func (p *parser) length() (more bool, err error) {
	n, ok := p.shortLength('$')
	if !ok {
		start := p.r
		line, whole, err := p.readLine("too big bulk count string")
		if !whole {
			return false, err
		}
		if first := p.buf[start : start+1]; first[0] != '$' {
			return false, protocolError("expected '$', got '" + string(first) + "'")
		}
		n, ok = parseLength(line[1:])
	}
	switch {
	case !ok || n < 0 || n > p.limits.bulk:
		return false, protocolError("invalid bulk length")
	case n > strangerBulk && p.limits.stranger:
		return false, protocolError("unauthenticated bulk length")
	}
	p.bulk = int(n)
	return true, nil
}

// shortLength steps over a line of sign and one or two digits, which nearly all are, and returns the number. It leaves
// every other line where it is.
func (p *parser) shortLength(sign byte) (n int64, ok bool) {
	rest := p.buf[p.r:]
	if len(rest) < len("$12\r\n") || rest[0] != sign {
		return 0, false
	}
	tens, ones := rest[1]-'0', rest[2]-'0'
	switch {
	case tens <= 9 && rest[2] == '\r':
		p.r += len("$1\r\n")
		return int64(tens), true
	case 1 <= tens && tens <= 9 && ones <= 9 && rest[3] == '\r':
		p.r += len("$12\r\n")
		return 10*int64(tens) + int64(ones), true
	}
	return 0, false
}

// readLine returns the bytes before the next CR and steps over it and the byte that follows.
func (p *parser) readLine(tooBig protocolError) (line []byte, ok bool, err error) {
	rest := p.buf[p.r:]
	n := bytes.IndexByte(rest, '\r')
	switch {
	case n > maxLine || n < 0 && len(rest) > maxLine:
		return nil, false, tooBig
	case n < 0 || n+1 == len(rest):
		return nil, false, nil
	}
	p.r += n + 2
	return rest[:n], true, nil
}
