package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPage: each snippet of cmd/cairn/CLIENTS.md stands in a driver, so it was run.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../cmd/cairn/CLIENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	var drivers []string
	for _, pattern := range []string{"*.mjs", "*.py", "go/*.go"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			b, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			drivers = append(drivers, words(string(b)))
		}
	}
	blocks := snippets(string(page))
	if len(blocks) < 10 {
		t.Errorf("the page has %d snippets", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(strings.Join(drivers, "\n"), words(block)) {
			t.Errorf("no driver runs\n%s", block)
		}
	}
}

// snippets returns the indented parts of a page, between which prose stands.
func snippets(page string) (blocks []string) {
	block := ""
	for line := range strings.Lines(page + "end") {
		switch {
		case strings.HasPrefix(line, "    "):
			block += line
		case strings.TrimSpace(line) != "" && block != "":
			blocks, block = append(blocks, block), ""
		}
	}
	return blocks
}

// words makes all white space one blank.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }
