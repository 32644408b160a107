package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMutationsFit: what each mutation changes stands in its file once, and the tests that are to notice exist. Where
// code has moved on, its mutation moves with it.
func TestMutationsFit(t *testing.T) {
	names := make(map[string]bool)
	for _, m := range mutations() {
		if names[m.name] {
			t.Errorf("two mutations are called %q", m.name)
		}
		names[m.name] = true
		b, err := os.ReadFile(filepath.Join("../..", m.file))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(b), m.old); n != 1 {
			t.Errorf("%s: %q stands in %s %d times; change the mutation in scripts/mutate along with the code", m.name, m.old, m.file, n)
		}
		for _, test := range m.testNames(t) {
			if !test.found {
				t.Errorf("%s: no test matches %s in %v", m.name, test.pattern, m.tests)
			}
		}
	}
}

type testName struct {
	pattern string
	found   bool
}

// testNames looks for the tests of each alternative of -run.
func (m mutation) testNames(t *testing.T) (all []testName) {
	t.Helper()
	var sources strings.Builder
	for i, arg := range m.tests {
		if arg != "-run" {
			continue
		}
		for _, dir := range m.tests[:i] {
			paths, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
			if err != nil || len(paths) == 0 {
				t.Fatal(dir, err)
			}
			for _, path := range paths {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				sources.Write(b)
			}
		}
		for _, pattern := range strings.Split(m.tests[i+1], "|") {
			found := regexp.MustCompile(`(?m)^func ` + pattern).MatchString(sources.String())
			all = append(all, testName{pattern, found})
		}
	}
	return all
}
