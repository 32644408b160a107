package lint

import (
	"go/ast"
	"testing"
)

// sleeps holds: tests do not sleep. In a function written inside a synctest.Test call time is not real, and sleeping
// is how it is moved on.
func sleeps(t *tree) (vs []violation) {
	for _, g := range t.groups {
		info := t.info(g)
		for _, f := range g.files {
			if !f.isTest() {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if p, name := qualified(info, call.Fun); p == "testing/synctest" && name == "Test" {
						return false
					}
				}
				if p, name := qualified(info, n); p == "time" && name == "Sleep" {
					vs = append(vs, t.at(n.Pos(), "a test sleeps; wait for a condition, or run inside synctest.Test"))
				}
				return true
			})
		}
	}
	return vs
}

func TestSleeps(t *testing.T) {
	law{
		check: sleeps,
		bad: []example{{name: "sleeps", tree: `
-- fsm/a_test.go --
package fsm_test
import "time"
func TestX() { time.Sleep(1) }
-- fsm/b_test.go --
package fsm
import clock "time"
var wait = clock.Sleep
`, want: []string{"fsm/a_test.go:3: a test sleeps", "fsm/b_test.go:3: a test sleeps"}}},
		good: []example{{name: "waits", tree: `
-- fsm/a.go --
package fsm
import "time"
func f() { time.Sleep(1) }
-- fsm/a_test.go --
package fsm
import ("testing/synctest"; "time")
func TestX(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { time.Sleep(time.Hour) })
	<-time.After(1)
}
`}},
	}.hold(t)
}
