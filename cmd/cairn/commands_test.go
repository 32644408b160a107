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

var update = flag.Bool("update", false, "rewrite COMMANDS.md")

// TestCommandsDocument: COMMANDS.md is what the command table says. Run with -update to rewrite it.
func TestCommandsDocument(t *testing.T) {
	const path = "COMMANDS.md"
	want := commandsDocument(resp.Rows())
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s is not what the command table says (%v); run go test ./cmd/cairn -run CommandsDocument -update", path, err)
	}
}

// commandsDocument writes the rows in Markdown, group by group.
func commandsDocument(rows []command.Spec) string {
	var b strings.Builder
	b.WriteString("# Commands\n\nWritten by `go test ./cmd/cairn -run CommandsDocument -update` from the command table.\n")
	known := 0
	for _, r := range rows {
		if _, ok := command.RedisFacts(r.Name); ok {
			known++
		}
	}
	fmt.Fprintf(&b, "%d of the %d commands of redis-server 7.0 are there. [DIFFERENCES.md](DIFFERENCES.md) says where they differ.\n",
		known, command.RedisCommands)
	var groups []string
	for _, r := range rows {
		if !slices.Contains(groups, r.Group) {
			groups = append(groups, r.Group)
		}
	}
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n", g)
		for _, r := range rows {
			if r.Group != g {
				continue
			}
			writeCommand(&b, "", r.Name, r)
			for _, sub := range r.Subs {
				writeCommand(&b, "  ", r.Name+" "+sub.Name, sub)
			}
		}
	}
	return b.String()
}

// documentColumns is how long a line of a document may be.
const documentColumns = 118

// writeCommand writes a row as an item of a list, in lines of documentColumns.
func writeCommand(b *strings.Builder, indent, name string, row command.Spec) {
	call := strings.ToUpper(name)
	if usage := row.Usage(); usage != "" {
		call += " " + usage
	}
	line := indent + "-"
	for _, word := range strings.Fields("`" + call + "` " + row.Summary + ".") {
		if len(line)+1+len(word) > documentColumns {
			b.WriteString(line + "\n")
			line = indent + " "
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

// TestLongLine: a row is wrapped between words, and says all that there is to say.
func TestLongLine(t *testing.T) {
	row := command.Spec{Syntax: strings.Repeat("[KEY key:key] ", 20) + "[X]", Summary: strings.Repeat("word ", 40) + "end"}
	var b strings.Builder
	writeCommand(&b, "  ", "a b", row)
	for _, line := range strings.Split(b.String(), "\n") {
		if len(line) > documentColumns {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	want := "- `A B " + row.Usage() + "` " + row.Summary + "."
	if got := strings.Join(strings.Fields(b.String()), " "); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
