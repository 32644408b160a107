package resp

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/tidwall/redcon"
)

// guarded is a parser that gives whole calls to redcon: what it needs to be tried beside ours, see DESIGN.md.
//
// redcon trusts every length, so its input is measured first. What it takes otherwise than Redis (no number of
// arguments, a line that ends in something else, an argument without CRLF behind it), what is not all there, and what
// is long is left to our own code.
type guarded struct{ *parser }

func (p guarded) next() ([][]byte, error) {
	if p.argc > 0 || p.r == len(p.buf) || p.buf[p.r] != '*' {
		return p.parser.nextCall()
	}
	n := p.measure(p.buf[p.r:])
	if n == 0 {
		return p.parser.nextCall()
	}
	p.dropArgs()
	complete, argv, kind, left, err := redcon.ReadNextCommand(p.mem.copy(p.buf[p.r:p.r+n]), p.argv)
	if !complete || kind != redcon.Redis || len(left) > 0 || err != nil {
		return nil, fmt.Errorf("redcon: %v, %w", left, err)
	}
	p.r += n
	p.argv = argv
	p.argBytes = int64(n) + argOverhead*int64(len(argv))
	return argv, nil
}

// measure returns how many bytes the call at the front of b takes, 0 when it is none for redcon.
func (p guarded) measure(b []byte) (size int) {
	argc, i := digits(b, 1)
	if argc == 0 || argc > maxArgs || p.limits.stranger && argc > strangerArgs {
		return 0
	}
	for range argc {
		if i == len(b) || b[i] != '$' {
			return 0
		}
		n, at := digits(b, i+1)
		if at == 0 || n >= bigBulk || p.limits.stranger && n > strangerBulk || len(b) < at+n+2 || b[at+n] != '\r' || b[at+n+1] != '\n' {
			return 0
		}
		i = at + n + 2
	}
	if int64(i)+argOverhead*int64(argc) > p.limits.buffer {
		return 0
	}
	return i
}

// digits reads a short number without leading zeros, and returns what is behind its CRLF; 0 when it is not that.
func digits(b []byte, i int) (n, next int) {
	from := i
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		n = n*10 + int(b[i]-'0')
	}
	if i == from || i-from > 8 || b[from] == '0' && i-from > 1 || len(b) < i+2 || b[i] != '\r' || b[i+1] != '\n' {
		return 0, 0
	}
	return n, i + 2
}

// parsed is what a parser makes of bytes that come in pieces of so many.
func parsed(p *parser, next func() ([][]byte, error), in []byte, piece int) (calls []string, err error) {
	rd := bytes.NewReader(in)
	for {
		argv, err := next()
		switch {
		case err != nil:
			return calls, err
		case argv != nil:
			calls = append(calls, fmt.Sprintf("%q", argv))
		default:
			p.recycle()
			if n, err := p.fill(io.LimitReader(rd, int64(piece))); n == 0 && err == io.EOF {
				return calls, nil
			}
		}
	}
}

// FuzzGuarded: redcon behind the guard makes the same of all bytes as our parser.
func FuzzGuarded(f *testing.F) {
	for _, seed := range protocolCases() {
		if len(seed) < 1000 {
			f.Add([]byte(seed), uint8(0), false)
		}
	}
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\naxx*1\r\n$4\r\nPING\r\nPING\r\n"), uint8(3), true)
	f.Fuzz(func(t *testing.T, in []byte, piece uint8, stranger bool) {
		l := testLimits()
		l.stranger = stranger
		size := int(piece)
		if size == 0 {
			size = max(1, len(in))
		}
		ours, other := newParser(l), guarded{newParser(l)}
		want, wantErr := parsed(ours, ours.nextCall, in, size)
		got, err := parsed(other.parser, other.next, in, size)
		if !slices.Equal(got, want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%q: redcon %q, %v, we %q, %v", in, got, err, want, wantErr)
		}
	})
}
