package lint

import (
	"go/ast"
	"strings"
	"testing"
)

// processExit holds: only main may end the process. A test's TestMain is a main.
func processExit(t *tree) (vs []violation) {
	for _, g := range t.groups {
		if g.name == "main" && (under(g.dir, "cmd/*") || isScript(g.dir)) {
			continue
		}
		info := t.info(g)
		for _, f := range g.files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if fn, ok := n.(*ast.FuncDecl); ok && f.isTest() && fn.Name.Name == "TestMain" {
					return false
				}
				p, name := qualified(info, n)
				if p == "os" && name == "Exit" || p == "log" && strings.HasPrefix(name, "Fatal") {
					vs = append(vs, t.at(n.Pos(), "%s.%s ends the process; return an error to main, or panic if the program is wrong", p, name))
				}
				return true
			})
		}
	}
	return vs
}

func TestProcessExit(t *testing.T) {
	law{
		check: processExit,
		bad: []example{{name: "exits", tree: `
-- cmd/node/a.go --
package node
import ("log"; sys "os")
func f() {
	sys.Exit(1)
	log.Fatalf("x")
}
var exit = sys.Exit
-- cmd/node/a_test.go --
package node
import "os"
func TestX() { os.Exit(1) }
-- fsm/main.go --
package main
import "log"
func main() { log.Fatal("x") }
`, want: []string{
			"cmd/node/a.go:4: os.Exit ends", "cmd/node/a.go:5: log.Fatalf ends", "cmd/node/a.go:7: os.Exit ends",
			"cmd/node/a_test.go:3: os.Exit ends", "fsm/main.go:3: log.Fatal ends",
		}}},
		good: []example{{name: "main", tree: `
-- cmd/cairn/main.go --
package main
import "os"
func main() { os.Exit(1) }
-- fsm/a.go --
package fsm
import "log"
type x struct{}
func (x) Exit(int) {}
func f() { var os x; os.Exit(1); log.Println() }
-- fsm/a_test.go --
package fsm
import "os"
func TestMain(m *testing.M) { os.Exit(m.Run()) }
-- scripts/bench/main.go --
package main
import "log"
func main() { log.Fatal("x") }
`}},
	}.hold(t)
}
