package lint

import (
	"bytes"
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	todoWord    = regexp.MustCompile(`\b(TODO|FIXME)\b`)
	todoWithNum = regexp.MustCompile(`\b(TODO|FIXME)\(#[0-9]+\)`)
)

// todos holds: what is left to do has an issue number, in comments of Go files and of shell scripts.
func todos(t *tree) (vs []violation) {
	check := func(path string, line int, text string) {
		for i, l := range strings.Split(text, "\n") {
			if word := todoWord.FindString(todoWithNum.ReplaceAllString(l, "")); word != "" {
				vs = append(vs, violation{path, line + i, word + " without an issue number; open an issue and write " + word + "(#12)"})
			}
		}
	}
	for _, f := range t.files {
		switch {
		case f.ast != nil:
			for _, group := range f.ast.Comments {
				for _, c := range group.List {
					check(f.path, t.fset.Position(c.Pos()).Line, c.Text)
				}
			}
		case path.Ext(f.path) == ".sh" || f.path == ".ci/run":
			for i, l := range bytes.Split(f.src, []byte("\n")) {
				if _, comment, ok := bytes.Cut(l, []byte("#")); ok {
					check(f.path, i+1, string(comment))
				}
			}
		}
	}
	return vs
}

func TestTodos(t *testing.T) {
	law{
		check: todos,
		bad: []example{{name: "no number", tree: `
-- fsm/a.go --
package fsm
// TODO: later
/* one
FIXME(ann) two */
func f() {} // see TODO(12), TODO(#12)
-- scripts/bench.sh --
echo TODO # fine
x # TODO
`, want: []string{"fsm/a.go:2: TODO without", "fsm/a.go:4: FIXME without", "fsm/a.go:5: TODO without", "scripts/bench.sh:2: TODO"}}},
		good: []example{{name: "numbered", tree: `
-- fsm/a.go --
package fsm
// TODO(#12): later
const s = "TODO" // FIXME(#3) and todo
-- scripts/bench.sh --
x # TODO(#4)
`}},
	}.hold(t)
}
