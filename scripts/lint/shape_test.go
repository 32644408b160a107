package lint

import (
	"fmt"
	"go/ast"
	"testing"
)

// shapes bounds how much a type of a package may hold and do. What is larger is several things: part them.
var shapes = []struct {
	dir             string
	fields, methods int
}{
	{dir: "fsm/replica", fields: 15, methods: 35},
	{dir: "fsm/replica/*", fields: 15, methods: 35},
}

// typeShapes holds: no struct of the packages in shapes has more fields, and no type more methods, than stands there.
// An embedded type counts as one field, and its methods do not count again.
func typeShapes(t *tree) (vs []violation) {
	for _, g := range t.groups {
		for _, s := range shapes {
			if !under(g.dir, s.dir) {
				continue
			}
			methods := map[string]int{}
			for _, f := range g.code() {
				ast.Inspect(f.ast, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.FuncDecl:
						if name := receiverType(n); name != "" {
							if methods[name]++; methods[name] == s.methods+1 {
								vs = append(vs, t.at(n.Pos(), "%s has more than %d methods; part it", name, s.methods))
							}
						}
					case *ast.StructType:
						if fields := fieldCount(n); fields > s.fields {
							vs = append(vs, t.at(n.Pos(), "a struct has %d fields, more than %d; part it", fields, s.fields))
						}
					}
					return true
				})
			}
		}
	}
	return vs
}

// fieldCount counts the names of a struct's fields, and its embedded types.
func fieldCount(s *ast.StructType) (n int) {
	for _, f := range s.Fields.List {
		n += max(1, len(f.Names))
	}
	return n
}

// receiverType returns the name of the type that a method is of, "" for a function.
func receiverType(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	if p, ok := of.(*ast.StarExpr); ok {
		of = p.X
	}
	if g, ok := of.(*ast.IndexExpr); ok {
		of = g.X
	}
	name, _ := of.(*ast.Ident)
	if name == nil {
		return ""
	}
	return name.Name
}

func TestTypeShapes(t *testing.T) {
	methods := func(n int) (all string) {
		for i := range n {
			all += fmt.Sprintf("func (r *R[T]) m%d() {}\n", i)
		}
		return all
	}
	law{
		check: typeShapes,
		bad: []example{
			{name: "fields", tree: `
-- fsm/replica/a.go --
package replica
type R struct {
	node
	a, b, c, d, e, f, g, h, i, j, k, l, m, n int
	mu struct { o, p, q int }
	z bool
}
`, want: []string{"fsm/replica/a.go:2: a struct has 17 fields, more than 15"}},
			{name: "methods", tree: "-- fsm/replica/part/a.go --\npackage part\ntype R[T any] struct{}\n" + methods(36),
				want: []string{"fsm/replica/part/a.go:38: R has more than 35 methods"}},
		},
		good: []example{{name: "small", tree: "-- fsm/replica/a.go --\npackage replica\ntype R[T any] struct{ node; a, b, c, d, e, f, g, h, i, j, k, l, m, n int }\n" + methods(35) + `
-- fsm/replica/a_test.go --
package replica
func (r *R[T]) forTests() {}
`}},
	}.hold(t)
}
