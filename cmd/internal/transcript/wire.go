package transcript

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"cairn/fsm/reply"
)

// Wire returns what a client receives when r is sent by RESP of version proto, 2 or 3. RESP2 has Redis 7.0's older
// shapes for the newer ones; RESP3 has one null. An error is one line.
func Wire(r reply.Reply, proto int) reply.Reply {
	if r.Kind == reply.Error {
		return reply.Reply{Kind: reply.Error, Str: oneLine(r.Str)}
	}
	if proto >= 3 {
		if r.Kind == reply.NullArray {
			return reply.Nil()
		}
		if r.Kind == reply.Pairs {
			return wireElems(nested(r), reply.Array, proto)
		}
		if r.Kind == reply.Double && r.Str != nil {
			f, _ := strconv.ParseFloat(string(r.Str), 64) // the digits are what is sent
			return reply.DoubleOf(f)
		}
		return wireElems(r, r.Kind, proto)
	}
	switch r.Kind {
	case reply.Map, reply.Set, reply.Push, reply.Array, reply.Pairs:
		return wireElems(r, reply.Array, proto)
	case reply.Bool:
		return reply.Int(r.Int)
	case reply.Double:
		if r.Str != nil {
			return reply.BulkBytes(r.Str)
		}
		return reply.BulkString(formatDouble(r.Float))
	case reply.BigNumber, reply.Verbatim:
		return reply.BulkBytes(r.Str)
	}
	return r
}

// oneLine is what Redis does to an error text that quotes an argument with line ends in it
// (addReplyErrorFormatInternal).
func oneLine(text []byte) []byte {
	text = bytes.Clone(bytes.Trim(text, "\r\n"))
	for i, c := range text {
		if c == '\r' || c == '\n' {
			text[i] = ' '
		}
	}
	return text
}

// nested makes each pair an array of its own.
func nested(r reply.Reply) reply.Reply {
	var pairs []reply.Reply
	for elems := r.Elems; len(elems) > 1; elems = elems[2:] {
		pairs = append(pairs, reply.ArrayOf(elems[:2]...))
	}
	return reply.ArrayOf(pairs...)
}

func wireElems(r reply.Reply, kind reply.Kind, proto int) reply.Reply {
	if r.Elems == nil {
		r.Kind = kind
		return r
	}
	elems := make([]reply.Reply, len(r.Elems))
	for i, e := range r.Elems {
		elems[i] = Wire(e, proto)
	}
	return reply.Reply{Kind: kind, Elems: elems}
}

// formatDouble is addReplyDouble of Redis 7.0 for RESP2.
func formatDouble(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return fmt.Sprintf("%.17g", f)
}

// Kinds returns a reply with its kinds spelt out, for comparing shapes: "array[bulk int]", say.
func Kinds(r reply.Reply) string {
	names := [...]string{"null", "nullarray", "status", "error", "int", "bulk", "array", "map", "set", "push", "double",
		"bool", "bignumber", "verbatim", "none"}
	if int(r.Kind) >= len(names) {
		return "kind" + strconv.Itoa(int(r.Kind))
	}
	s := names[r.Kind]
	if r.Kind < reply.Array || r.Kind > reply.Push {
		return s
	}
	s += "["
	for i, e := range r.Elems {
		if i > 0 {
			s += " "
		}
		s += Kinds(e)
	}
	return s + "]"
}
