package lint

import (
	"strings"
	"testing"
)

// ranks is the road of a write as a table: a package imports only packages of lower rank. "x/*" is all below x that has
// no row of its own. apply marks the packages that run inside Apply, where determinism_test.go applies.
var ranks = []struct {
	dir   string
	rank  float64
	apply bool
}{
	{dir: "cmd/cairn", rank: 10},
	{dir: "cmd/internal/*", rank: 9},
	{dir: "cmd/internal/transcript", rank: 8.5},
	{dir: "cmd/internal/redistest", rank: 8.5},
	{dir: "cmd/internal/history", rank: 8.5},
	{dir: "cmd/node", rank: 8},
	{dir: "resp", rank: 7},
	{dir: "resp/*", rank: 7},
	{dir: "fsm/replica", rank: 6},
	{dir: "fsm/replica/link", rank: 5.6},
	{dir: "fsm/replica/raftfix", rank: 5.3},
	{dir: "fsm", rank: 5},
	{dir: "fsm/command", rank: 4, apply: true},
	{dir: "fsm/entry", rank: 3, apply: true},
	{dir: "fsm/reply", rank: 3, apply: true},
	{dir: "fsm/geo", rank: 3, apply: true},
	{dir: "storage/str", rank: 2.5, apply: true},
	{dir: "storage/hll", rank: 2.5, apply: true},
	{dir: "storage/rdb", rank: 2.5, apply: true},
	{dir: "storage/list", rank: 2.5, apply: true},
	{dir: "storage/hash", rank: 2.5, apply: true},
	{dir: "storage/set", rank: 2.6, apply: true}, // it asks str which members are integers
	{dir: "storage/zset", rank: 2.5, apply: true},
	{dir: "storage/stream", rank: 2.5, apply: true},
	{dir: "storage/elements", rank: 2.3, apply: true},
	{dir: "storage/tree", rank: 2.3, apply: true},
	{dir: "storage/keys", rank: 2, apply: true},
	{dir: "storage/typetest", rank: 1.9},
	{dir: "storage", rank: 1},
	{dir: "storage/raftlog", rank: 1},
	{dir: "storage/raftlog/raftlogtest", rank: 1.5},
	{dir: "storage/rowcache", rank: 0.6},
	{dir: "storage/memtable", rank: 0.3},
	{dir: "storage/background", rank: 0},
	{dir: "storage/arena", rank: 0},
	{dir: "storage/hashtable", rank: 0},
	{dir: "storage/layout", rank: 0, apply: true},
	{dir: "storage/storagetest", rank: -1}, // tests of all rooms below storage use it
}

// strangers are imports that rank would allow and a room must not have.
var strangers = []struct{ from, to, why string }{
	{"resp", "storage", "it reaches data through its own Backend interface"},
	{"resp", "storage/*", "it reaches data through its own Backend interface"},
	{"resp/*", "storage", "it reaches data through resp's Backend interface"},
	{"resp/*", "storage/*", "it reaches data through resp's Backend interface"},
	{"cmd/internal/console", "*", "the console is a client like any other and knows only the wire"},
}

// rankOf returns the row of a package directory; rows without a star win.
func rankOf(dir string) (rank float64, apply, ok bool) {
	for _, r := range ranks {
		if r.dir == dir {
			return r.rank, r.apply, true
		}
	}
	for _, r := range ranks {
		if under(dir, r.dir) {
			return r.rank, r.apply, true
		}
	}
	return 0, false, false
}

// isScript tells whether a package is one of scripts/*, which may import anything and which nobody imports.
func isScript(dir string) bool { return under(dir, "scripts/*") }

// importOrder holds the import law for all code that is not a test: tests may climb, and Go itself forbids cycles.
func importOrder(t *tree) (vs []violation) {
	for _, g := range t.groups {
		if isScript(g.dir) {
			continue
		}
		rank, _, known := rankOf(g.dir)
		if !known {
			vs = append(vs, t.at(g.files[0].ast.Package,
				"package %s has no rank; add it to the table ranks in scripts/lint/ranks_test.go", g.dir))
			continue
		}
		for _, f := range g.code() {
			for _, spec := range f.ast.Imports {
				to, own := ownDir(importPath(spec))
				if !own {
					continue
				}
				report := func(why string) {
					vs = append(vs, t.at(spec.Pos(), "%s imports %s: %s; move the code, or declare an interface here and pass the value in from cmd/node", g.dir, to, why))
				}
				toRank, _, toKnown := rankOf(to)
				switch {
				case isScript(to):
					report("scripts are not for importing")
				case toKnown && toRank == rank:
					report("siblings never import each other")
				case toKnown && toRank > rank:
					report("imports run cmd → resp → fsm → storage, never backwards")
				default:
					for _, s := range strangers {
						if under(g.dir, s.from) && (s.to == "*" || under(to, s.to)) {
							report(s.why)
						}
					}
				}
			}
		}
	}
	return vs
}

func TestImportOrder(t *testing.T) {
	law{
		check: importOrder,
		bad: []example{
			{name: "backwards", tree: `
-- fsm/a.go --
package fsm
import (
	"cairn/fsm/command"
	"cairn/resp"
)
`, want: []string{"fsm/a.go:4: fsm imports resp: imports run"}},
			{name: "siblings", tree: `
-- storage/hash/a.go --
package hash
import _ "cairn/storage/str"
-- storage/raftlog/a.go --
package raftlog
import _ "cairn/storage"
`, want: []string{
				"storage/hash/a.go:2: storage/hash imports storage/str: siblings",
				"storage/raftlog/a.go:2: storage/raftlog imports storage: siblings",
			}},
			{name: "strangers", tree: `
-- cmd/internal/console/a.go --
package console
import _ "cairn/fsm/reply"
-- resp/a.go --
package resp
import _ "cairn/storage"
import _ "cairn/storage/layout"
-- resp/wire/a.go --
package wire
import _ "cairn/storage/str"
`, want: []string{
				"cmd/internal/console/a.go:2: cmd/internal/console imports fsm/reply: the console",
				"resp/a.go:2: resp imports storage: it reaches data",
				"resp/a.go:3: resp imports storage/layout: it reaches data",
				"resp/wire/a.go:2: resp/wire imports storage/str: it reaches data",
			}},
			{name: "unknown", tree: `
-- fsm/a.go --
package fsm
import _ "cairn/scripts/lint"
-- fsm/sub/a.go --
package sub
-- main.go --
package main
`, want: []string{
				"fsm/a.go:2: fsm imports scripts/lint: scripts are not",
				"fsm/sub/a.go:1: package fsm/sub has no rank; add it",
				"main.go:1: package . has no rank",
			}},
		},
		good: []example{{name: "road", tree: `
-- cmd/cairn/main.go --
package main
import (
	"cairn/cmd/internal/console"
	"cairn/cmd/node"
)
-- cmd/internal/clustertest/a.go --
package clustertest
import "cairn/cmd/node"
-- cmd/internal/console/a.go --
package console
import "net"
-- cmd/node/a.go --
package node
import ("cairn/resp"; "cairn/fsm/replica"; "cairn/fsm"; "cairn/storage"; "cairn/storage/raftlog")
-- fsm/command/a.go --
package command
import ("cairn/fsm/entry"; "cairn/fsm/reply"; "cairn/storage/str"; "cairn/storage/keys"; "cairn/storage")
-- fsm/command/transcript_test.go --
package command_test
import "cairn/cmd/internal/clustertest"
-- resp/a.go --
package resp
import ("cairn/fsm/command"; "cairn/fsm/entry"; "cairn/fsm/reply")
-- scripts/bench/a.go --
package main
import "cairn/cmd/node"
-- storage/a.go --
package storage
import "cairn/storage/layout"
-- storage/str/a.go --
package str
import ("cairn/storage"; "cairn/storage/keys"; "cairn/storage/layout")
`}},
	}.hold(t)
}

// TestRanksNameNoPackageTwice keeps the table one fact a package.
func TestRanksNameNoPackageTwice(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range ranks {
		if seen[r.dir] || strings.HasSuffix(r.dir, "/") {
			t.Errorf("ranks has a second or misspelt row for %s", r.dir)
		}
		seen[r.dir] = true
	}
}
