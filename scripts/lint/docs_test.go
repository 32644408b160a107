package lint

import (
	"go/ast"
	"go/token"
	"testing"
)

// docComments holds: every package and every exported top-level name has a doc comment. A group of constants or
// variables may have one for all. Tests are exempt.
func docComments(t *tree) (vs []violation) {
	for _, g := range t.groups {
		files := g.code()
		documented := len(files) == 0
		for _, f := range files {
			documented = documented || hasText(f.ast.Doc)
			for _, d := range f.ast.Decls {
				for _, id := range undocumented(d) {
					vs = append(vs, t.at(id.Pos(), "%s has no doc comment; say what it promises", id.Name))
				}
			}
		}
		if !documented {
			vs = append(vs, t.at(files[0].ast.Package, "package %s has no doc comment in any file; say what it holds", g.dir))
		}
	}
	return vs
}

// hasText tells whether a comment says something: directives like //go:embed do not.
func hasText(doc *ast.CommentGroup) bool { return doc.Text() != "" }

// undocumented returns the exported names of a declaration that have no doc comment.
func undocumented(d ast.Decl) (names []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		exported := d.Name.IsExported() && (d.Recv == nil || receiver(d).IsExported())
		if exported && !hasText(d.Doc) {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && !hasText(s.Doc) && !(hasText(d.Doc) && d.Lparen == token.NoPos) {
					names = append(names, s.Name)
				}
			case *ast.ValueSpec:
				for _, id := range s.Names {
					inGroup := d.Lparen != token.NoPos && hasText(s.Comment)
					if id.IsExported() && !hasText(d.Doc) && !hasText(s.Doc) && !inGroup {
						names = append(names, id)
					}
				}
			}
		}
	}
	return names
}

// receiver returns the name of the type a method belongs to.
func receiver(d *ast.FuncDecl) *ast.Ident {
	for e := d.Recv.List[0].Type; ; {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x
		default:
			return &ast.Ident{Name: "_"}
		}
	}
}

func TestDocComments(t *testing.T) {
	law{
		check: docComments,
		bad: []example{{name: "bare", tree: `
-- fsm/a.go --
package fsm

type T struct{}

func (T) M()  {}
func (*T) P() {}
func F()      {}

const (
	A = 1
	b = 2
)

//go:embed x
var V string

// The types of.
type (
	U int
)
-- fsm/b.go --
package fsm
`, want: []string{
			"fsm/a.go:1: package fsm has no doc comment in any file",
			"fsm/a.go:3: T has no", "fsm/a.go:5: M has no", "fsm/a.go:6: P has no", "fsm/a.go:7: F has no",
			"fsm/a.go:10: A has no", "fsm/a.go:15: V has no", "fsm/a.go:19: U has no",
		}}},
		good: []example{{name: "documented", tree: `
-- fsm/a.go --
// Package fsm is.
package fsm

// T is.
type T[K any] struct{ F int }

// M does.
func (t *T[K]) M() {}

type u int

func (u) String() string { return "" }

// The letters.
const (
	A = 1
	B = 2
)

const (
	// C is.
	C = 1
	D = 2 // D is.
)
-- fsm/b.go --
package fsm
-- fsm/b_test.go --
package fsm
type X int
-- fsm/c_test.go --
package fsm_test
func F() {}
`}},
	}.hold(t)
}
