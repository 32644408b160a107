package console

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Bounds of one reply. What a node sends is not to be trusted further than that.
const (
	maxReplyBytes   = 1 << 30   // all of one reply, each element counted as elementBytes more
	maxBulkBytes    = 512 << 20 // one string, Redis's own proto-max-bulk-len
	maxLineBytes    = 1 << 20   // one line: simple strings, errors, lengths
	maxReplyDepth   = 32        // hiredis allows 9
	elementBytes    = 64        // what an element costs in memory beyond its text
	maxGrowElements = 1024      // elements allocated on the word of a header; more only as they arrive
)

// errProtocol is returned when what came is not RESP or exceeds a bound. The connection is of no use after it.
var errProtocol = errors.New("protocol error")

// reply is one RESP2 or RESP3 value as it came.
type reply struct {
	kind  byte    // its type byte: + - : $ * in RESP2; _ , # ! = ( % ~ > in RESP3 too
	null  bool    // $-1, *-1 or _
	text  string  // scalars, as sent; of a verbatim string without "txt:", of a boolean t or f
	elems []reply // aggregates; the keys and values of a map alternate
}

func (r reply) isError() bool { return r.kind == '-' || r.kind == '!' }

// hasPrefix reports whether r is an error whose first word is code.
func (r reply) hasPrefix(code string) bool {
	first, _, _ := strings.Cut(r.text, " ")
	return r.isError() && first == code
}

func errorReply(format string, args ...any) reply {
	return reply{kind: '-', text: fmt.Sprintf(format, args...)}
}

// replyReader reads replies from one connection.
type replyReader struct {
	br     *bufio.Reader
	budget int // bytes the reply under way may still use
}

func newReplyReader(r io.Reader) *replyReader { return &replyReader{br: bufio.NewReader(r)} }

// next returns the next reply. An error leaves the stream at an unknown place.
func (r *replyReader) next() (reply, error) {
	r.budget = maxReplyBytes
	return r.value(0)
}

func (r *replyReader) value(depth int) (reply, error) {
	if depth > maxReplyDepth {
		return reply{}, fmt.Errorf("%w: nested deeper than %d", errProtocol, maxReplyDepth)
	}
	line, err := r.line()
	if err != nil {
		return reply{}, err
	}
	if line == "" {
		return reply{}, fmt.Errorf("%w: empty line", errProtocol)
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', '-', ',', '(':
		return reply{kind: kind, text: rest}, nil
	case '_':
		return reply{kind: kind, null: true}, nil
	case ':':
		n, err := strconv.ParseInt(rest, 10, 64)
		if err != nil {
			return reply{}, fmt.Errorf("%w: integer %.32q", errProtocol, rest)
		}
		return reply{kind: kind, text: strconv.FormatInt(n, 10)}, nil
	case '#':
		if rest != "t" && rest != "f" {
			return reply{}, fmt.Errorf("%w: boolean %.32q", errProtocol, rest)
		}
		return reply{kind: kind, text: rest}, nil
	case '$', '!', '=':
		return r.blob(kind, rest)
	case '*', '~', '>', '%', '|':
		return r.aggregate(kind, rest, depth)
	}
	return reply{}, fmt.Errorf("%w: type byte %q", errProtocol, kind)
}

// spend takes n bytes from what the reply may still use.
func (r *replyReader) spend(n int) error {
	if r.budget -= n; r.budget < 0 {
		return fmt.Errorf("%w: reply larger than %d bytes", errProtocol, maxReplyBytes)
	}
	return nil
}

// line returns the next line without its CRLF.
func (r *replyReader) line() (string, error) {
	var b strings.Builder
	for {
		part, err := r.br.ReadSlice('\n')
		if b.Len()+len(part) > maxLineBytes {
			return "", fmt.Errorf("%w: line longer than %d bytes", errProtocol, maxLineBytes)
		}
		b.Write(part)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return "", err
		}
		line, ok := strings.CutSuffix(b.String(), "\r\n")
		if !ok {
			return "", fmt.Errorf("%w: line does not end in CRLF", errProtocol)
		}
		return line, r.spend(len(line) + elementBytes)
	}
}

// length parses the number of a header; -1 stands for null.
func length(header string, limit int) (int, error) {
	n, err := strconv.Atoi(header)
	if err != nil || n < -1 || n > limit {
		return 0, fmt.Errorf("%w: length %.32q", errProtocol, header)
	}
	return n, nil
}

// blob reads the rest of a string with a length. Memory grows with what arrives, not with what the header says.
func (r *replyReader) blob(kind byte, header string) (reply, error) {
	n, err := length(header, maxBulkBytes)
	if err != nil || n < 0 {
		return reply{kind: kind, null: true}, err
	}
	if err := r.spend(n); err != nil {
		return reply{}, err
	}
	var b strings.Builder
	if _, err := io.CopyN(&b, r.br, int64(n)); err != nil {
		return reply{}, noEOF(err)
	}
	var end [2]byte
	if _, err := io.ReadFull(r.br, end[:]); err != nil {
		return reply{}, noEOF(err)
	}
	if string(end[:]) != "\r\n" {
		return reply{}, fmt.Errorf("%w: string does not end in CRLF", errProtocol)
	}
	text := b.String()
	if kind == '=' {
		if len(text) < 4 || text[3] != ':' {
			return reply{}, fmt.Errorf("%w: verbatim string without a format", errProtocol)
		}
		text = text[4:]
	}
	return reply{kind: kind, text: text}, nil
}

// aggregate reads the elements of an array, set, push or map. Attributes are read and skipped.
func (r *replyReader) aggregate(kind byte, header string, depth int) (reply, error) {
	n, err := length(header, maxReplyBytes/elementBytes)
	if err != nil || n < 0 {
		return reply{kind: kind, null: true}, err
	}
	if kind == '%' || kind == '|' {
		n *= 2
	}
	rep := reply{kind: kind, elems: make([]reply, 0, min(n, maxGrowElements))}
	for range n {
		e, err := r.value(depth + 1)
		if err != nil {
			return reply{}, noEOF(err)
		}
		rep.elems = append(rep.elems, e)
	}
	if kind == '|' {
		return r.value(depth + 1) // what the attributes describe; the depth bounds a chain of them
	}
	return rep, nil
}

// noEOF says that an end of the stream inside a reply is not a clean one.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
