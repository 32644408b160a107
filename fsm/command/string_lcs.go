package command

import (
	"errors"

	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/str"
)

const (
	errLCSTypes  reply.UserError = "ERR The specified keys must contain string values"
	errLCSBoth   reply.UserError = "ERR If you want both the length and indexes, please just use IDX."
	errLCSMemory reply.UserError = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
)

func stringLCSRows() []Spec {
	return []Spec{
		{Name: "lcs", Summary: "Returns a longest common subsequence of two strings, its length, or where it stands in them",
			Cost: "where N and M are the lengths of the strings", Exec: Read(parseLCS, runLCS)},
	}
}

// lcsArgs is a parsed LCS.
type lcsArgs struct {
	keys         [2][]byte
	length       bool // LEN
	positions    bool // IDX
	withMatchLen bool
	minMatchLen  int64
	err          error // what is wrong with the options
}

// parseLCS keeps an error for later: of two, Redis tells that of the keys.
func parseLCS(argv [][]byte) (lcsArgs, error) {
	p := lcsArgs{keys: [2][]byte{argv[1], argv[2]}}
	for rest := argv[3:]; len(rest) > 0 && p.err == nil; {
		n := 1
		switch opt := rest[0]; {
		case isWord(opt, "LEN"):
			p.length = true
		case isWord(opt, "IDX"):
			p.positions = true
		case isWord(opt, "WITHMATCHLEN"):
			p.withMatchLen = true
		case isWord(opt, "MINMATCHLEN") && len(rest) > 1:
			p.minMatchLen, p.err = parseInt64(rest[1])
			n = 2
		default:
			p.err = reply.ErrSyntax
		}
		rest = rest[n:]
	}
	if p.err == nil && p.length && p.positions {
		p.err = errLCSBoth
	}
	return p, nil
}

func runLCS(env Env, r storage.Reader, p lcsArgs) (reply.Reply, error) {
	var values [2][]byte
	for i, key := range p.keys {
		value, _, err := getString(env, r, key)
		switch {
		case errors.Is(err, reply.ErrWrongType):
			return reply.Reply{}, errLCSTypes
		case err != nil:
			return reply.Reply{}, err
		}
		values[i] = value
	}
	a, b := values[0], values[1]
	err := p.err
	if err == nil {
		err = checkLCSSize(len(a), len(b))
	}
	switch {
	case err != nil:
		return reply.Reply{}, err
	case p.length:
		return reply.Int(int64(str.CommonLength(a, b))), nil
	case p.positions:
		return p.matches(str.CommonMatches(a, b)), nil
	}
	return reply.BulkBytes(commonBytes(a, str.CommonMatches(a, b))), nil
}

// maxLCSBytes is Redis's default of proto-max-bulk-len.
const maxLCSBytes = 512 << 20

// checkLCSSize refuses what Redis refuses at its default settings: two lengths for which its table of 4 bytes for
// each pair of positions would be larger than a string may be. Cairn's table is a bit each, so this bounds it to 1/32
// of that.
func checkLCSSize(a, b int) error {
	if int64(a+1)*int64(b+1)*4 > maxLCSBytes {
		return errLCSMemory
	}
	return nil
}

// matches answers LCS with IDX: the runs, the last one first, and the length of all of them, shorter than asked for
// or not.
func (p lcsArgs) matches(runs []str.Match) reply.Reply {
	total := 0
	shown := []reply.Reply{}
	for _, m := range runs {
		total += m.Len
		if int64(m.Len) < p.minMatchLen {
			continue
		}
		match := []reply.Reply{span(m.A, m.Len), span(m.B, m.Len)}
		if p.withMatchLen {
			match = append(match, reply.Int(int64(m.Len)))
		}
		shown = append(shown, reply.ArrayOf(match...))
	}
	return reply.MapOf(
		reply.BulkString("matches"), reply.ArrayOf(shown...),
		reply.BulkString("len"), reply.Int(int64(total)))
}

// span is the first and the last position of n bytes.
func span(at, n int) reply.Reply {
	return reply.ArrayOf(reply.Int(int64(at)), reply.Int(int64(at+n-1)))
}

// commonBytes returns the subsequence itself.
func commonBytes(a []byte, runs []str.Match) []byte {
	var b []byte
	for i := len(runs) - 1; i >= 0; i-- {
		b = append(b, a[runs[i].A:runs[i].A+runs[i].Len]...)
	}
	return b
}
