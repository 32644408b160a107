package lint

import (
	"fmt"
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxColumns is how long a line of prose may be; a tab counts as four.
const maxColumns = 120

// proseLines holds: no line of a comment and no line of Markdown is longer than maxColumns. Tables and blocks of code,
// in both, and comments behind code may be.
func proseLines(t *tree) (vs []violation) {
	for _, f := range t.files {
		goFile, markdown := f.ast != nil, path.Ext(f.path) == ".md"
		if !goFile && !markdown {
			continue
		}
		fenced := false
		for i, line := range strings.Split(string(f.src), "\n") {
			if markdown && strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			text := line
			if goFile {
				var comment bool
				if text, comment = strings.CutPrefix(strings.TrimLeft(line, "\t"), "// "); !comment {
					continue
				}
			}
			if fenced || strings.HasPrefix(text, "|") || strings.HasPrefix(text, "    ") || strings.HasPrefix(text, "\t") {
				continue
			}
			if n := utf8.RuneCountInString(line) + 3*strings.Count(line, "\t"); n > maxColumns {
				vs = append(vs, violation{f.path, i + 1, fmt.Sprintf("a line of prose has %d columns, more than %d; break it", n, maxColumns)})
			}
		}
	}
	return vs
}

func TestProseLines(t *testing.T) {
	long := strings.Repeat("word ", 25)
	law{
		check: proseLines,
		bad: []example{
			{name: "comment", tree: "-- fsm/a.go --\npackage fsm\n\n\t// " + long + "\n", want: []string{"fsm/a.go:3: a line of prose"}},
			{name: "markdown", tree: "-- README.md --\n" + long + "\n", want: []string{"README.md:1: a line of prose"}},
		},
		good: []example{{name: "code", tree: "-- fsm/a.go --\npackage fsm\n\n// short\nvar A = 1 // " + long + "\n-- README.md --\n| " + long +
			"|\n\n    " + long + "\n\n```\n" + long + "\n```\n"}},
	}.hold(t)
}
