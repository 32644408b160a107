package lint

import (
	"go/ast"
	"go/constant"
	"go/types"
	"path"
	"slices"
	"strings"
	"testing"
)

// transcripts holds: every command row has a transcript, <group>/<name>.txt in any case, in the testdata of
// fsm/command. A row of resp may have it in the testdata of resp instead. Which group is the row's own, a test of
// cmd/internal/transcript knows. Rows are Spec literals with a Name, but subcommands and rows marked Internal. A
// command package without a row fails: then this law no longer sees the table.
func transcripts(t *tree) (vs []violation) {
	const table = "fsm/command"
	for _, g := range t.groups {
		places := []string{table + "/testdata"}
		switch {
		case len(g.code()) == 0 || g.dir != table && g.dir != "resp":
			continue
		case g.dir == "resp":
			places = append(places, "resp/testdata")
		}
		rows, subs := 0, subFuncs(g.code())
		for _, f := range g.code() {
			for _, r := range specRows(t.info(g), f, subs) {
				rows++
				if r.name == "" {
					vs = append(vs, t.at(r.node.Pos(), "the row's Name is no constant; write the name out, so that the table can be read"))
				} else if !slices.ContainsFunc(places, func(dir string) bool { return t.hasTranscript(dir, r.name) }) {
					vs = append(vs, t.at(r.node.Pos(), "command %s has no transcript; write %s/<group>/%s.txt", r.name, places[len(places)-1], strings.ToLower(r.name)))
				}
			}
		}
		if rows == 0 && g.dir == table {
			vs = append(vs, t.at(g.files[0].ast.Package, "no rows found in %s; if rows are no longer Spec literals with a Name, teach scripts/lint/transcripts_test.go to find them", table))
		}
	}
	return vs
}

// hasTranscript tells whether a folder of dir holds the transcript of a command.
func (t *tree) hasTranscript(dir, name string) bool {
	return slices.ContainsFunc(t.files, func(f *file) bool {
		return path.Dir(path.Dir(f.path)) == dir && strings.EqualFold(path.Base(f.path), name+".txt")
	})
}

// A row is one Spec literal. name is empty when it is no constant.
type row struct {
	node ast.Node
	name string
}

// subFuncs returns the names of the functions that a Subs field calls: what they return are subcommands.
func subFuncs(files []*file) map[string]bool {
	subs := make(map[string]bool)
	for _, f := range files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			kv, ok := n.(*ast.KeyValueExpr)
			if !ok || !isKey(kv, "Subs", "Subcommands") {
				return true
			}
			ast.Inspect(kv.Value, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if id, ok := call.Fun.(*ast.Ident); ok {
						subs[id.Name] = true
					}
				}
				return true
			})
			return true
		})
	}
	return subs
}

// specRows returns the rows in a file; subs are the functions whose rows are subcommands.
func specRows(info *types.Info, f *file, subs map[string]bool) (rows []row) {
	var visit func(n ast.Node, elem bool) // elem: an untyped literal here is a Spec
	visit = func(n ast.Node, elem bool) {
		ast.Inspect(n, func(n ast.Node) bool {
			if fn, ok := n.(*ast.FuncDecl); ok && subs[fn.Name.Name] {
				return false
			}
			if kv, ok := n.(*ast.KeyValueExpr); ok && isKey(kv, "Subs", "Subcommands") {
				return false
			}
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if isSpec(lit.Type) || elem && lit.Type == nil {
				if r, ok := rowOf(info, lit); ok {
					rows = append(rows, r)
				}
			}
			for _, e := range lit.Elts {
				visit(e, isSpec(elemType(lit.Type)))
			}
			return false
		})
	}
	visit(f.ast, false)
	return rows
}

// isSpec tells whether a type expression is Spec, *Spec, or Spec of another package.
func isSpec(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "Spec"
	case *ast.SelectorExpr:
		return e.Sel.Name == "Spec"
	case *ast.StarExpr:
		return isSpec(e.X)
	}
	return false
}

// elemType returns the element type of a slice, array or map type, or nil.
func elemType(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.ArrayType:
		return e.Elt
	case *ast.MapType:
		return e.Value
	}
	return nil
}

func isKey(kv *ast.KeyValueExpr, names ...string) bool {
	id, ok := kv.Key.(*ast.Ident)
	return ok && slices.Contains(names, id.Name)
}

// rowOf reads a Spec literal; ok is false if it has no Name or is internal.
func rowOf(info *types.Info, lit *ast.CompositeLit) (r row, ok bool) {
	for _, e := range lit.Elts {
		kv, isKV := e.(*ast.KeyValueExpr)
		switch {
		case !isKV:
		case isKey(kv, "Name"):
			r, ok = row{node: lit}, true
			if v := info.Types[kv.Value].Value; v != nil && v.Kind() == constant.String {
				r.name = constant.StringVal(v)
			}
		case isKey(kv, "Internal") && !isFalse(kv.Value), isKey(kv, "Flags") && mentionsInternal(kv.Value):
			return row{}, false
		}
	}
	return r, ok
}

func isFalse(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "false"
}

// mentionsInternal tells whether a flags expression has a flag named Internal, FlagInternal or the like.
func mentionsInternal(e ast.Expr) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && strings.HasSuffix(id.Name, "Internal")
		return !found
	})
	return found
}

func TestTranscripts(t *testing.T) {
	law{
		check: transcripts,
		bad: []example{
			{name: "missing", tree: `
-- fsm/command/a.go --
package command
const del = "DEL"
var rows = []Spec{
	{Name: "GET", Arity: 2},
	{Name: "SET", Subs: []Spec{{Name: "NX"}}},
	{Name: del, Internal: false},
}
func name() string
func more() []*Spec {
	one := Spec{Name: "ONE"}
	return []*Spec{{Name: "TWO"}, &one, {Name: name()}}
}
-- fsm/command/testdata/string/get.txt --
-- fsm/command/testdata/set.txt --
-- resp/a.go --
package resp
import "cairn/fsm/command"
var rows = map[string]command.Spec{"INFO": {Name: "INFO"}}
`, want: []string{
				"fsm/command/a.go:5: command SET has no transcript; write fsm/command/testdata/<group>/set.txt",
				"fsm/command/a.go:6: command DEL has no transcript",
				"fsm/command/a.go:10: command ONE has no transcript",
				"fsm/command/a.go:11: command TWO has no transcript",
				"fsm/command/a.go:11: the row's Name is no constant",
				"resp/a.go:3: command INFO has no transcript; write resp/testdata/<group>/info.txt",
			}},
			{name: "blind", tree: `
-- fsm/command/a.go --
package command
var rows = []Row{{Name: "GET"}}
`, want: []string{"fsm/command/a.go:1: no rows found"}},
		},
		good: []example{
			{name: "no table yet", tree: `
-- resp/a.go --
package resp
`},
			{name: "all", tree: `
-- fsm/command/a.go --
package command
var rows = [...]Spec{
	{Name: "GET"},
	{Name: "XGROUP", Subcommands: []Spec{{Name: "CREATE"}}},
	{Name: "EXPIREDUE", Flags: Write | Internal},
	{Name: "GC", Internal: true},
	{Name: "XINFO", Subs: slices.Concat(streamSubs(), nil)},
}
func streamSubs() []Spec { return []Spec{{Name: "STREAM"}} }
var other = []Test{{Name: "no row"}}
var empty Spec = Spec{}
-- fsm/command/a_test.go --
package command
var rows = []Spec{{Name: "FAKE"}}
-- fsm/command/testdata/string/GET.txt --
-- fsm/command/testdata/connection/ping.txt --
-- fsm/command/testdata/stream/xgroup.txt --
-- fsm/command/testdata/stream/xinfo.txt --
-- resp/a.go --
package resp
var rows = []Spec{{Name: "PING"}, {Name: "HELLO"}}
-- resp/testdata/connection/hello.txt --
`},
		},
	}.hold(t)
}
