package lint

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// packageNames holds: no package is named after nothing in particular.
func packageNames(t *tree) (vs []violation) {
	banned := []string{"utils", "util", "common", "types", "helpers"}
	for _, g := range t.groups {
		name := strings.TrimSuffix(g.name, "_test")
		if slices.Contains(banned, name) || slices.Contains(banned, path.Base(g.dir)) {
			vs = append(vs, t.at(g.files[0].ast.Package, "package %s in %s says nothing about what it holds; name it after that", g.name, g.dir))
		}
	}
	return vs
}

func TestPackageNames(t *testing.T) {
	law{
		check: packageNames,
		bad: []example{{name: "names", tree: `
-- fsm/common/a.go --
package shared
-- resp/a/a.go --
package utils
`, want: []string{"fsm/common/a.go:1: package shared in fsm/common", "resp/a/a.go:1: package utils"}}},
		good: []example{{name: "names", tree: `
-- fsm/reply/types.go --
package reply
`}},
	}.hold(t)
}
