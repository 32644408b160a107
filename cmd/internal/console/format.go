package console

import (
	"fmt"
	"strconv"
	"strings"
)

// appendReply appends what redis-cli prints for the reply of args to dst: for people, or raw for programs.
// The result is empty or ends in a newline.
func appendReply(dst []byte, args []string, r reply, raw bool) []byte {
	if isReport(args) {
		dst = appendRaw(dst, r)
		if len(dst) > 0 && dst[len(dst)-1] != '\n' {
			dst = append(dst, '\n')
		}
		return dst
	}
	if raw {
		return append(appendRaw(dst, r), '\n')
	}
	return appendPretty(dst, r, "")
}

// isReport reports whether the reply of args is a text with lines of its own, which redis-cli prints unquoted.
func isReport(args []string) bool {
	name, sub := strings.ToLower(args[0]), ""
	if len(args) > 1 {
		sub = strings.ToLower(args[1])
	}
	switch name {
	case "info", "lolwut":
		return true
	case "debug":
		return sub == "htstats" || sub == "htstats-key" || sub == "client-eviction"
	case "memory":
		return sub == "malloc-stats" || sub == "doctor"
	case "cluster":
		return len(args) == 2 && (sub == "nodes" || sub == "info")
	case "client":
		return sub == "list" || sub == "info"
	case "latency":
		return sub == "graph" && len(args) == 3 || sub == "doctor" && len(args) == 2
	}
	return false
}

// appendPretty is redis-cli's format for a terminal. prefix indents the lines of a nested list after its first.
func appendPretty(dst []byte, r reply, prefix string) []byte {
	if r.null {
		return append(dst, "(nil)\n"...)
	}
	switch r.kind {
	case '-', '!':
		dst = append(append(dst, "(error) "...), r.text...)
	case ':':
		dst = append(append(dst, "(integer) "...), r.text...)
	case ',':
		dst = append(append(dst, "(double) "...), r.text...)
	case '#':
		dst = append(dst, boolText(r)...)
	case '$':
		dst = appendQuoted(dst, r.text)
	case '*', '~', '%', '>':
		return appendList(dst, r, prefix)
	default: // status, verbatim, big number
		dst = append(dst, r.text...)
	}
	return append(dst, '\n')
}

func boolText(r reply) string {
	if r.text == "t" {
		return "(true)"
	}
	return "(false)"
}

// appendList appends a list, set, map or push, one numbered line an element.
func appendList(dst []byte, r reply, prefix string) []byte {
	mark, empty, step := byte(')'), "(empty array)\n", 1
	switch r.kind {
	case '~':
		mark, empty = '~', "(empty set)\n"
	case '%':
		mark, empty, step = '#', "(empty hash)\n", 2
	case '>':
		empty = "(empty push)\n"
	}
	if len(r.elems) == 0 {
		return append(dst, empty...)
	}
	width := len(strconv.Itoa(len(r.elems) / step))
	inner := prefix + strings.Repeat(" ", width+2)
	for i := 0; i < len(r.elems); i += step {
		if i > 0 { // the caller has written what stands before the first
			dst = append(dst, prefix...)
		}
		dst = fmt.Appendf(dst, "%*d%c ", width, i/step+1, mark)
		dst = appendPretty(dst, r.elems[i], inner)
		if step == 2 {
			dst = append(dst[:len(dst)-1], " => "...)
			if v := r.elems[i+1]; len(v.elems) > 2 || len(v.elems) == 2 && v.kind != '%' { // several lines
				dst = append(append(dst, '\n'), inner...)
			}
			dst = appendPretty(dst, r.elems[i+1], inner)
		}
	}
	return dst
}

// appendQuoted appends s between double quotes with redis-cli's escapes (sdscatrepr): every byte that is not
// printable ASCII is escaped, so that splitArgs reads the same bytes back.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		c := s[i]
		switch j := strings.IndexByte("\\\"\n\r\t\a\b", c); {
		case j >= 0:
			dst = append(dst, '\\', `\"nrtab`[j])
		case c >= ' ' && c <= '~':
			dst = append(dst, c)
		default:
			dst = fmt.Appendf(dst, `\x%02x`, c)
		}
	}
	return append(dst, '"')
}

// appendRaw is redis-cli's format for programs: bytes as they are, list elements on lines of their own.
func appendRaw(dst []byte, r reply) []byte {
	switch r.kind {
	case '-', '!':
		return append(append(dst, r.text...), '\n')
	case '#':
		return append(dst, boolText(r)...)
	}
	for i, e := range r.elems {
		switch {
		case i > 0 && r.kind == '%' && i%2 == 1:
			dst = append(dst, ' ')
		case i > 0:
			dst = append(dst, '\n')
		}
		dst = appendRaw(dst, e)
	}
	return append(dst, r.text...)
}
