package lint

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
)

// maxSharers is how many types may have a method of one name.
const maxSharers = 3

// sharedMethods are the method names that any number of types may have, and why: what an interface asks for is not
// ours to choose, and a convention is there to be the same everywhere.
var sharedMethods = map[string]string{
	"Addr":         "net.Listener and raft.StreamLayer",
	"All":          "the iterators' own word, as in slices.All",
	"Apply":        "raft.FSM",
	"Check":        "command.Exec",
	"Close":        "io.Closer",
	"Do":           "transcript.Doer",
	"Create":       "vfs.FS and raft.SnapshotStore",
	"Error":        "error",
	"Get":          "storage.Reader and raft.StableStore",
	"ID":           "raft.SnapshotSink",
	"Is":           "errors.Is",
	"Read":         "io.Reader",
	"Run":          "command.Reading, command.Writing and the commands of cmd/cairn",
	"Size":         "the word for bytes in all of Go",
	"String":       "fmt.Stringer",
	"Unwrap":       "errors.Unwrap and vfs.Root",
	"Walk":         "elements.Source",
	"Write":        "io.Writer",
	"validate":     "of Options, see conventions.md",
	"withDefaults": "of Options, see conventions.md",
}

// sharedMethodNames holds: a method name that more than three types share takes a noun, so that a search for it finds
// what is meant. Fakes and helpers of tests are free.
func sharedMethodNames(t *tree) (vs []violation) {
	type method struct {
		typ string
		pos token.Pos
	}
	methods := make(map[string][]method)
	for _, f := range t.files {
		if f.ast == nil || f.isTest() {
			continue
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
				m := method{f.dir() + "." + receiverName(fn.Recv.List[0].Type), fn.Name.Pos()}
				methods[fn.Name.Name] = append(methods[fn.Name.Name], m)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(methods)) {
		sharers := make(map[string]token.Pos) // a type may have the method once for each system
		for _, m := range methods[name] {
			if _, ok := sharers[m.typ]; !ok {
				sharers[m.typ] = m.pos
			}
		}
		if sharedMethods[name] != "" || len(sharers) <= maxSharers {
			continue
		}
		all := slices.Sorted(maps.Keys(sharers))
		vs = append(vs, t.at(sharers[all[0]], "%d types have a method %s (%s), more than %d; give it a noun (takeConn), or list it in sharedMethods with the interface that asks for it",
			len(all), name, strings.Join(all, ", "), maxSharers))
	}
	return vs
}

// receiverName returns the name of a receiver's type.
func receiverName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiverName(e.X)
	case *ast.IndexExpr:
		return receiverName(e.X)
	case *ast.IndexListExpr:
		return receiverName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func TestSharedMethodNames(t *testing.T) {
	law{
		check: sharedMethodNames,
		bad: []example{{"four types", `
-- resp/a.go --
package resp

type a struct{}

func (a *a) take() {}

type b struct{}

func (b) take() {}
-- fsm/c.go --
package fsm

type c[T any] struct{}

func (c *c[T]) take() {}

type d[K, V any] struct{}

func (d[K, V]) take() {}
`, []string{"fsm/c.go:5: 4 types have a method take (fsm.c, fsm.d, resp.a, resp.b), more than 3"}}},
		good: []example{{"three types, a type of two systems, a test's, and an interface's", `
-- resp/a_linux.go --
package resp

type a struct{}

func (a) take()  {}
func (a) Close() {}
-- resp/a_other.go --
package resp

type a struct{}

func (a) take()  {}
func (a) Close() {}
-- resp/b.go --
package resp

type b struct{}

func (b) take()  {}
func (b) Close() {}

type c struct{}

func (c) take()  {}
func (c) Close() {}

type d struct{}

func (d) Close() {}
-- resp/b_test.go --
package resp

type fake struct{}

func (fake) take() {}
`, nil}},
	}.hold(t)
}
