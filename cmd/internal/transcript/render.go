package transcript

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cairn/fsm/reply"
)

// Render returns what redis-cli prints on a terminal for a reply that came by RESP2, without the last line end. A
// reply's newer shapes are first turned into those that Redis 7.0 sends instead of them.
func Render(r reply.Reply) string { return strings.Join(renderLines(r), "\n") }

func renderLines(r reply.Reply) []string {
	switch r = Wire(r, 2); r.Kind {
	case reply.Null, reply.NullArray:
		return []string{"(nil)"}
	case reply.Status:
		return []string{string(r.Str)}
	case reply.Error:
		return []string{"(error) " + string(r.Str)}
	case reply.Integer:
		return []string{"(integer) " + strconv.FormatInt(r.Int, 10)}
	case reply.Bulk:
		return []string{quote(string(r.Str))}
	case reply.None:
		return []string{"(no reply)"}
	case reply.Array:
	default:
		return []string{fmt.Sprintf("(reply of unknown kind %d)", r.Kind)}
	}
	elems := make([][]string, len(r.Elems))
	for i, e := range r.Elems {
		elems[i] = renderLines(e)
	}
	return numbered(elems)
}

// numbered puts numbers before the elements of an array, each of which is one or more lines.
func numbered(elems [][]string) []string {
	if len(elems) == 0 {
		return []string{"(empty array)"}
	}
	width := len(strconv.Itoa(len(elems)))
	var lines []string
	for i, elem := range elems {
		prefix := fmt.Sprintf("%*d) ", width, i+1)
		for _, line := range elem {
			lines = append(lines, prefix+line)
			prefix = strings.Repeat(" ", len(prefix))
		}
	}
	return lines
}

// unnumbered takes the array that begins lines apart and returns its elements and how many lines it has; zero is no
// array.
func unnumbered(lines []string) (elems [][]string, n int) {
	if len(lines) == 0 {
		return nil, 0
	}
	width := strings.Index(lines[0], ") ")
	indent := strings.Repeat(" ", width+2)
	for n < len(lines) && width > 0 && strings.HasPrefix(lines[n], fmt.Sprintf("%*d) ", width, len(elems)+1)) {
		elem := []string{lines[n][len(indent):]}
		for n++; n < len(lines) && strings.HasPrefix(lines[n], indent); n++ {
			elem = append(elem, lines[n][len(indent):])
		}
		elems = append(elems, elem)
	}
	return elems, n
}

// replyLines returns how many of the lines belong to the first rendered reply.
func replyLines(lines []string) int {
	_, n := unnumbered(lines)
	return max(n, min(1, len(lines)))
}

// sorted returns a rendered reply with the elements of its arrays, nested ones first, in order.
func sorted(lines []string) []string {
	elems, n := unnumbered(lines)
	if n != len(lines) || n == 0 {
		return lines
	}
	for i := range elems {
		elems[i] = sorted(elems[i])
	}
	slices.SortFunc(elems, slices.Compare)
	return numbered(elems)
}

// quote puts s between double quotes with redis-cli's escapes: every byte that is not printable ASCII is escaped.
func quote(s string) string {
	dst := []byte{'"'}
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
	return string(append(dst, '"'))
}
