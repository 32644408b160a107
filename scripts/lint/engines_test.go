package lint

import (
	"slices"
	"strings"
	"testing"
)

// engines says which rooms may import which third-party engine. In tests, and in clustertest, a part of it may be
// imported anywhere.
var engines = []struct {
	module  string
	rooms   []string
	inTests string // import path allowed in tests, with all below it; empty for none
}{
	{module: "github.com/tidwall/redcon", rooms: []string{"resp"}},
	{module: "github.com/hashicorp/raft", rooms: []string{"fsm", "fsm/*", "storage/raftlog"}, inTests: "github.com/hashicorp/raft"},
	{module: "github.com/cockroachdb/pebble", rooms: []string{"storage", "storage/*"}, inTests: "github.com/cockroachdb/pebble/v2/vfs"},
}

// within tells whether an import path is root or below it.
func within(importPath, root string) bool {
	return importPath == root || root != "" && strings.HasPrefix(importPath, root+"/")
}

// engineRooms holds: one engine per room.
func engineRooms(t *tree) (vs []violation) {
	for _, f := range t.goFiles() {
		forTests := f.isTest() || f.dir() == "cmd/internal/clustertest"
		for _, spec := range f.ast.Imports {
			p := importPath(spec)
			for _, e := range engines {
				allowed := !within(p, e.module) ||
					isScript(f.dir()) ||
					slices.ContainsFunc(e.rooms, func(room string) bool { return under(f.dir(), room) }) ||
					forTests && within(p, e.inTests)
				if !allowed {
					vs = append(vs, t.at(spec.Pos(), "%s imports %s, which lives in %s; let that room export what is needed",
						f.dir(), p, strings.Join(e.rooms, ", ")))
				}
			}
		}
	}
	return vs
}

func TestEngineRooms(t *testing.T) {
	law{
		check: engineRooms,
		bad: []example{
			{name: "code", tree: `
-- cmd/node/a.go --
package node
import "github.com/cockroachdb/pebble/v2/vfs"
-- fsm/a.go --
package fsm
import "github.com/cockroachdb/pebble/v2"
-- resp/a.go --
package resp
import "github.com/hashicorp/raft"
-- storage/a.go --
package storage
import "github.com/hashicorp/raft"
import "github.com/tidwall/redcon"
`, want: []string{
				"cmd/node/a.go:2: cmd/node imports github.com/cockroachdb/pebble/v2/vfs, which lives in storage",
				"fsm/a.go:2: fsm imports github.com/cockroachdb/pebble/v2, which",
				"resp/a.go:2: resp imports github.com/hashicorp/raft, which",
				"storage/a.go:2: storage imports github.com/hashicorp/raft, which",
				"storage/a.go:3: storage imports github.com/tidwall/redcon, which lives in resp;",
			}},
			{name: "tests", tree: `
-- cmd/internal/clustertest/a.go --
package clustertest
import "github.com/cockroachdb/pebble/v2"
-- fsm/a_test.go --
package fsm
import "github.com/cockroachdb/pebble/v2"
import "github.com/tidwall/redcon"
`, want: []string{
				"cmd/internal/clustertest/a.go:2: ",
				"fsm/a_test.go:2: ",
				"fsm/a_test.go:3: ",
			}},
		},
		good: []example{{name: "rooms", tree: `
-- cmd/internal/clustertest/a.go --
package clustertest
import ("github.com/cockroachdb/pebble/v2/vfs"; "github.com/hashicorp/raft")
-- cmd/node/a_test.go --
package node
import "github.com/cockroachdb/pebble/v2/vfs/errorfs"
-- fsm/replica/a.go --
package replica
import ("github.com/hashicorp/raft"; "github.com/hashicorp/raft-wal/metadb")
-- resp/a.go --
package resp
import "github.com/tidwall/redcon"
-- resp/a_test.go --
package resp
import "github.com/hashicorp/raft"
-- scripts/bench/a.go --
package main
import "github.com/cockroachdb/pebble/v2"
-- storage/raftlog/a.go --
package raftlog
import ("github.com/cockroachdb/pebble/v2"; "github.com/hashicorp/raft")
`}},
	}.hold(t)
}
