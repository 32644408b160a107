// Package lint holds the house rules that conventions.md marks (lint), as Go tests: go test ./scripts/lint.
//
// Every law is one file named after it. A law is a pure function from a parsed tree to the violations it found; its
// test runs it over this repository, over bad examples that it must reject line by line, and over good examples that it
// must leave alone. A law without a bad example does not pass, so no law can go blind unseen.
//
// Packages are type-checked without their third-party and standard imports (see types_test.go): enough to follow names,
// scopes and the types this module declares, with no build, no network and no go list.
//
// To add a package, give it a row in ranks (ranks_test.go). To add a law, add a file.
package lint
