package lint

import (
	"fmt"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A violation is one broken rule: where, what is wrong, and what to do.
type violation struct {
	path string
	line int
	msg  string
}

func (v violation) String() string { return fmt.Sprintf("%s:%d: %s", v.path, v.line, v.msg) }

// at returns the violation at a position of the tree.
func (t *tree) at(pos token.Pos, format string, args ...any) violation {
	p := t.fset.Position(pos)
	return violation{p.Filename, p.Line, fmt.Sprintf(format, args...)}
}

// An example is a small tree, written as "-- path --" lines each followed by the file, and the violations a law must
// find in it: one prefix of violation.String each, in order of path and line. A good example wants none.
type example struct {
	name string
	tree string
	want []string
}

// A law is a rule and the examples that show it can fail and can pass.
type law struct {
	check func(*tree) []violation
	bad   []example
	good  []example
}

// hold runs the law over the repository and over its examples.
func (l law) hold(t *testing.T) {
	t.Run("repository", func(t *testing.T) {
		repo, err := repository()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range sorted(l.check(repo)) {
			t.Error(v)
		}
	})
	if len(l.bad) == 0 || len(l.good) == 0 {
		t.Error("a law needs a bad example that proves it can fail, and a good one that passes")
	}
	for _, e := range l.bad {
		t.Run("bad/"+e.name, func(t *testing.T) {
			if len(e.want) == 0 {
				t.Error("a bad example must say which violations it wants")
			}
			l.compare(t, e)
		})
	}
	for _, e := range l.good {
		t.Run("good/"+e.name, func(t *testing.T) {
			if len(e.want) != 0 {
				t.Error("a good example wants no violations")
			}
			l.compare(t, e)
		})
	}
}

func (l law) compare(t *testing.T, e example) {
	tree := newTree(parseExample(e.tree))
	for _, f := range tree.files {
		if f.err != nil {
			t.Fatalf("the example does not parse: %v", f.err)
		}
	}
	got := sorted(l.check(tree))
	for i, v := range got {
		if i >= len(e.want) {
			t.Errorf("unwanted violation: %s", v)
		} else if !strings.HasPrefix(v.String(), e.want[i]) {
			t.Errorf("violation %d:\n got %s\nwant %s…", i, v, e.want[i])
		}
	}
	for _, w := range e.want[min(len(got), len(e.want)):] {
		t.Errorf("missing violation: %s…", w)
	}
}

func sorted(vs []violation) []violation {
	slices.SortStableFunc(vs, func(a, b violation) int {
		if c := strings.Compare(a.path, b.path); c != 0 {
			return c
		}
		return a.line - b.line
	})
	return slices.Compact(vs)
}

// parseExample splits an example's text into its files.
func parseExample(text string) []*file {
	var files []*file
	for line := range strings.Lines(strings.TrimLeft(text, "\n")) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(name, " --") {
			files = append(files, &file{path: strings.TrimSuffix(name, " --")})
			continue
		}
		f := files[len(files)-1]
		f.src = append(f.src, line...)
		f.size = int64(len(f.src))
	}
	return files
}

// repository is the tree that holds this file, loaded once.
var repository = sync.OnceValues(func() (*tree, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil {
			if !strings.Contains("\n"+string(mod), "\nmodule "+module+"\n") {
				return nil, fmt.Errorf("%s/go.mod is not module %s; change the constant module in scripts/lint", dir, module)
			}
			return load(dir)
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil, fmt.Errorf("no go.mod above the test")
		}
		dir = up
	}
})
