package lint

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"testing"
)

// packageState holds: no func init, and no package-level variable that changes. A variable changes when some code of
// the module assigns to it or to a part of it, takes its address (a method with a pointer receiver does), or empties
// it, or when its type is made for changing. Variables that tests declare are free.
func packageState(t *tree) (vs []violation) {
	for _, g := range t.groups {
		info := t.info(g)
		for _, f := range g.files {
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					vs = append(vs, t.at(fn.Pos(), "func init runs unasked; call a function from main or a constructor"))
				}
				if gen, ok := d.(*ast.GenDecl); ok && gen.Tok == token.VAR && !f.isTest() {
					vs = append(vs, t.mutableTypes(info, gen)...)
				}
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				for _, c := range changes(info, n) {
					v := packageVar(info, c.target)
					if v == nil || t.isTestPos(v.Pos()) {
						continue
					}
					vs = append(vs, t.at(c.target.Pos(), "package-level variable %s is changed (%s); make it a field of the struct that uses it, or a value that stays as declared", v.Name(), c.how))
				}
				return true
			})
		}
	}
	return vs
}

// mutableTypes reports variables whose type has no use but to change: channels, locks, atomics. sync.Pool is allowed,
// nobody can observe it.
func (t *tree) mutableTypes(info *types.Info, gen *ast.GenDecl) (vs []violation) {
	harmless := []string{"Pool", "OnceFunc", "OnceValue", "OnceValues"}
	for _, s := range gen.Specs {
		spec := s.(*ast.ValueSpec)
		report := func(what string) {
			vs = append(vs, t.at(spec.Pos(), "package-level variable %s holds %s, which changes; make it a field of the struct that uses it", spec.Names[0].Name, what))
		}
		for _, name := range spec.Names {
			if v := info.Defs[name]; v != nil && name.Name != "_" {
				if _, ok := v.Type().Underlying().(*types.Chan); ok {
					report("a channel")
				}
			}
		}
		ast.Inspect(spec, func(n ast.Node) bool {
			p, name := qualified(info, n)
			if p == "sync/atomic" || p == "sync" && !slices.Contains(harmless, name) {
				report("a " + foreignName(p) + "." + name)
			}
			_, isFunc := n.(*ast.FuncLit)
			return !isFunc
		})
	}
	return vs
}

// A change is a place that may change the value behind target.
type change struct {
	target ast.Expr
	how    string
}

// changes returns what a node by itself, without its children, may change.
func changes(info *types.Info, n ast.Node) (cs []change) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for _, lhs := range n.Lhs {
			cs = append(cs, change{lhs, "assigned"})
		}
	case *ast.IncDecStmt:
		cs = append(cs, change{n.X, "assigned"})
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			cs = append(cs, change{n.Key, "assigned"}, change{n.Value, "assigned"})
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			cs = append(cs, change{n.X, "address taken"})
		}
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 {
			if _, builtin := info.Uses[id].(*types.Builtin); builtin && slices.Contains([]string{"delete", "clear", "copy"}, id.Name) {
				cs = append(cs, change{n.Args[0], id.Name})
			}
		}
	case *ast.SelectorExpr:
		if sel := info.Selections[n]; sel != nil && sel.Kind() == types.MethodVal && !isPointer(sel.Recv()) {
			if recv := sel.Obj().(*types.Func).Signature().Recv(); recv != nil && isPointer(recv.Type()) && !sel.Indirect() {
				cs = append(cs, change{n.X, "method " + n.Sel.Name + " has a pointer receiver"})
			}
		}
	}
	return cs
}

func isPointer(t types.Type) bool {
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}

// packageVar returns the package-level variable of this module that an expression is or is a part of, or nil.
func packageVar(info *types.Info, e ast.Expr) *types.Var {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			if p, _ := qualified(info, x); p != "" {
				e = x.Sel
			} else {
				e = x.X
			}
		case *ast.Ident:
			if v, ok := info.Uses[x].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
				return v
			}
			return nil
		default:
			return nil
		}
	}
}

// isTestPos tells whether a position lies in a test file.
func (t *tree) isTestPos(pos token.Pos) bool {
	return (&file{path: t.fset.Position(pos).Filename}).isTest()
}

func TestPackageState(t *testing.T) {
	law{
		check: packageState,
		bad: []example{
			{name: "init", tree: `
-- fsm/a.go --
package fsm
func init() {}
-- fsm/a_test.go --
package fsm
func init() {}
`, want: []string{"fsm/a.go:2: func init", "fsm/a_test.go:2: func init"}},
			{name: "changed", tree: `
-- fsm/a.go --
package fsm
import "strconv"
var n, m, o int
var table = map[string]int{}
var row struct{ f []int }
var c counter
type counter int
func (c *counter) inc() {}
func f() {
	n++
	m, _ = strconv.Atoi("1")
	table["x"] = 1
	delete(table, "x")
	row.f[0] = 2
	_ = &row.f
	c.inc()
	for o = range 3 {
	}
}
`, want: []string{
				"fsm/a.go:10: package-level variable n is changed (assigned)",
				"fsm/a.go:11: package-level variable m is changed (assigned)",
				"fsm/a.go:12: package-level variable table is changed (assigned)",
				"fsm/a.go:13: package-level variable table is changed (delete)",
				"fsm/a.go:14: package-level variable row is changed (assigned)",
				"fsm/a.go:15: package-level variable row is changed (address taken)",
				"fsm/a.go:16: package-level variable c is changed (method inc has",
				"fsm/a.go:17: package-level variable o is changed (assigned)",
			}},
			{name: "from elsewhere", tree: `
-- fsm/a.go --
package fsm
var Hook = func() {}
-- fsm/a_test.go --
package fsm_test
import "cairn/fsm"
func f() { fsm.Hook = nil }
-- fsm/b_test.go --
package fsm
func f() { g(func() { Hook = nil }) }
-- resp/a.go --
package resp
import "cairn/fsm"
func f() { fsm.Hook = nil }
`, want: []string{"fsm/a_test.go:3: ", "fsm/b_test.go:2: ", "resp/a.go:3: "}},
			{name: "made for changing", tree: `
-- fsm/a.go --
package fsm
import ("sync"; "sync/atomic")
var mu sync.Mutex
var cache = struct{ sync.RWMutex }{}
var hits atomic.Int64
var queue = make(chan int)
`, want: []string{
				"fsm/a.go:3: package-level variable mu holds a sync.Mutex",
				"fsm/a.go:4: package-level variable cache holds a sync.RWMutex",
				"fsm/a.go:5: package-level variable hits holds a atomic.Int64",
				"fsm/a.go:6: package-level variable queue holds a channel",
			}},
		},
		good: []example{{name: "stays as declared", tree: `
-- fsm/a.go --
package fsm
import ("embed"; "errors"; "regexp"; "sync")
// ErrX is.
var ErrX = errors.New("x")
var _ error = (*myErr)(nil)
//go:embed x.txt
var files embed.FS
var word = regexp.MustCompile("x")
var table = map[string]int{"a": 1}
var pool = sync.Pool{New: func() any { return new(sync.Mutex) }}
type T struct{ n int }
func (t T) init() {}
func (t *T) inc() { t.n++ }
var zero T
func f() int {
	table := map[string]int{} // not the package's
	table["x"] = 1
	n := table["y"]
	n++
	for k, v := range table { _, _ = k, v }
	t := zero
	t.inc()
	_ = word.MatchString("x")
	return n
}
-- fsm/a_test.go --
package fsm
import "flag"
var update = flag.Bool("update", false, "")
var seen int
func g() { seen++ }
`}},
	}.hold(t)
}
