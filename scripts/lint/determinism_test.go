package lint

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// indeterminate are the imports, with all below them, that no package inside Apply may have.
var indeterminate = []string{
	"time", "math/rand", "crypto/rand", "hash/maphash", "os", "net", "runtime", "golang.org/x/sync",
}

// determinismExceptions allows a package inside Apply one import of the above, with the reason.
var determinismExceptions = []struct{ dir, importPath, reason string }{}

// sortedMark, followed by a reason, on the line of a range over a map or the line before, says that its order is not
// seen.
const sortedMark = "//lint:sorted"

// determinism holds: what runs inside Apply has no input but the keyspace and the entry. That is a table row marked
// apply; package fsm itself may know the time's types but not the time. Tests are exempt.
func determinism(t *tree) (vs []violation) {
	for _, g := range t.groups {
		_, apply, _ := rankOf(g.dir)
		for _, f := range g.code() {
			switch {
			case apply:
				vs = append(vs, t.indeterminateImports(g, f)...)
				vs = append(vs, t.indeterminateCode(t.info(g), f)...)
			case g.dir == "fsm":
				vs = append(vs, t.clockAndDice(t.info(g), f)...)
			}
		}
	}
	return vs
}

func (t *tree) indeterminateImports(g *group, f *file) (vs []violation) {
	for _, spec := range f.ast.Imports {
		p := importPath(spec)
		forbidden := slices.ContainsFunc(indeterminate, func(root string) bool { return within(p, root) })
		for _, e := range determinismExceptions {
			forbidden = forbidden && !(e.dir == g.dir && e.importPath == p && e.reason != "")
		}
		if forbidden {
			vs = append(vs, t.at(spec.Pos(), "%s runs inside Apply and imports %s; take time and seed from the entry and leave the rest to the caller", g.dir, p))
		}
	}
	return vs
}

func (t *tree) indeterminateCode(info *types.Info, f *file) (vs []violation) {
	marks := make(map[int]string) // line to reason
	for _, c := range f.ast.Comments {
		for _, l := range c.List {
			if reason, ok := strings.CutPrefix(l.Text, sortedMark); ok {
				marks[t.fset.Position(l.Pos()).Line] = strings.TrimSpace(reason)
			}
		}
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			vs = append(vs, t.at(n.Pos(), "a goroutine inside Apply runs in no fixed order; do the work in line"))
		case *ast.SelectStmt:
			vs = append(vs, t.at(n.Pos(), "select inside Apply chooses at random; do the work in line"))
		case *ast.SelectorExpr:
			if p, name := qualified(info, n); p == "sync" && name == "WaitGroup" {
				vs = append(vs, t.at(n.Pos(), "a sync.WaitGroup inside Apply waits for goroutines, which run in no fixed order; do the work in line"))
			}
		case *ast.RangeStmt:
			line := t.fset.Position(n.Pos()).Line
			if rangesOverMap(info, n.X) && marks[line] == "" && marks[line-1] == "" {
				vs = append(vs, t.at(n.Pos(), "range over a map inside Apply has no fixed order; sort the keys first, and if the order cannot be seen say why: %s <reason>", sortedMark))
			}
		}
		return true
	})
	return vs
}

// rangesOverMap tells whether the range expression is a map, or the unsorted keys or values of one.
func rangesOverMap(info *types.Info, x ast.Expr) bool {
	if call, ok := x.(*ast.CallExpr); ok {
		p, name := qualified(info, call.Fun)
		return p == "maps" && slices.Contains([]string{"All", "Keys", "Values"}, name) || isMap(info.TypeOf(x))
	}
	return isMap(info.TypeOf(x))
}

func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

func (t *tree) clockAndDice(info *types.Info, f *file) (vs []violation) {
	const advice = "; the proposer stamps time and seed into the entry"
	for _, spec := range f.ast.Imports {
		if p := importPath(spec); within(p, "math/rand") || p == "crypto/rand" {
			vs = append(vs, t.at(spec.Pos(), "the machine imports %s%s", p, advice))
		}
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if p, name := qualified(info, n); p == "time" && slices.Contains([]string{"Now", "Since", "Until"}, name) {
			vs = append(vs, t.at(n.Pos(), "the machine reads the clock with time.%s%s", name, advice))
		}
		return true
	})
	return vs
}

func TestDeterminism(t *testing.T) {
	law{
		check: determinism,
		bad: []example{
			{name: "imports", tree: `
-- fsm/command/a.go --
package command
import (
	"crypto/rand"
	"math/rand/v2"
	"net/netip"
	"os"
	"time"
)
-- storage/zset/a.go --
package zset
import "math/rand"
`, want: []string{
				"fsm/command/a.go:3: fsm/command runs inside Apply and imports crypto/rand", "fsm/command/a.go:4: ",
				"fsm/command/a.go:5: ", "fsm/command/a.go:6: ", "fsm/command/a.go:7: ", "storage/zset/a.go:2: ",
			}},
			{name: "goroutines", tree: `
-- storage/keys/a.go --
package keys
import "sync"
func f() {
	go f()
	select {}
	var wg sync.WaitGroup
	wg.Go(f)
}
`, want: []string{"storage/keys/a.go:4: a goroutine", "storage/keys/a.go:5: select", "storage/keys/a.go:6: a sync.WaitGroup"}},
			{name: "maps", tree: `
-- fsm/command/a.go --
package command
import ("cairn/fsm/entry"; "maps")
var table = map[string]int{}
type set map[string]bool
type holder struct{ m set }
func f(param map[string]int, h *holder, e entry.Entry) {
	for range table {
	}
	local := make(map[int]int)
	for k := range local { _ = k }
	for k := range param { _ = k } //lint:sorted
	for range h.m {
	}
	for range e.Fields {
	}
	for range maps.Keys(local) {
	}
}
-- fsm/entry/a.go --
package entry
type Entry struct{ Fields map[string]string }
`, want: []string{
				"fsm/command/a.go:7: range over a map", "fsm/command/a.go:10: ", "fsm/command/a.go:11: ",
				"fsm/command/a.go:12: ", "fsm/command/a.go:14: ", "fsm/command/a.go:16: ",
			}},
			{name: "machine", tree: `
-- fsm/apply.go --
package fsm
import (
	"math/rand/v2"
	"time"
)
func f() {
	start := time.Now()
	_ = time.Since(start)
}
`, want: []string{"fsm/apply.go:3: the machine imports math/rand/v2", "fsm/apply.go:7: the machine reads", "fsm/apply.go:8: "}},
		},
		good: []example{{name: "pure", tree: `
-- fsm/apply.go --
package fsm
import "time"
const timeout = time.Second
-- fsm/command/a.go --
package command
import ("bytes"; "maps"; "slices")
func f(m map[string]int, s []int) (sum int) {
	for range s {
	}
	//lint:sorted addition has no order
	for _, v := range m {
		sum += v
	}
	for _, v := range m { //lint:sorted addition has no order
		sum += v
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		_ = k
	}
	return sum
}
-- fsm/command/a_test.go --
package command
import "time"
func g(m map[int]int) { for range m { go g(m) } }
-- fsm/replica/a.go --
package replica
import "time"
func f() { go f(); _ = time.Now() }
`}},
	}.hold(t)
}
