package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"cairn/fsm/command"
	"cairn/resp"
)

var update = flag.Bool("update", false, "rewrite the command table of README.md")

// TestReadmeCommands: the table of README.md is what the command table says. Run with -update to rewrite it.
func TestReadmeCommands(t *testing.T) {
	const path, begin, end = "../../README.md", "<!-- commands: go test ./cmd/cairn -run Readme -update -->\n", "<!-- end of commands -->"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(b), begin)
	old, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the command table", path)
	}
	table := commandTable(resp.Rows())
	if *update {
		if err := os.WriteFile(path, []byte(head+begin+table+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table {
		t.Errorf("the command table of %s is not the code's; run go test ./cmd/cairn -run Readme -update", path)
	}
}

// commandTable writes the rows as a table in Markdown, group by group.
func commandTable(rows []command.Spec) string {
	var b strings.Builder
	b.WriteString("| group | command | what it does |\n| --- | --- | --- |\n")
	var groups []string
	for _, r := range rows {
		if !slices.Contains(groups, r.Group) {
			groups = append(groups, r.Group)
		}
	}
	for _, g := range groups {
		for _, r := range rows {
			if r.Group != g {
				continue
			}
			name := strings.ToUpper(r.Name)
			if usage := r.Usage(); usage != "" {
				name += " " + usage
			}
			var subs []string
			for _, s := range r.Subs {
				subs = append(subs, strings.ToUpper(s.Name))
			}
			summary := r.Summary
			if len(subs) > 0 {
				summary += ": " + strings.Join(subs, " ")
			}
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", g, strings.ReplaceAll(name, "|", "\\|"), summary)
		}
	}
	return b.String()
}
