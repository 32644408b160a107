package transcript_test

import (
	"strings"
	"testing"

	"cairn/cmd/internal/transcript"
	"cairn/fsm/command"
)

// TestRowsHaveTranscripts holds: each command has a transcript that calls it and each of its subcommands.
func TestRowsHaveTranscripts(t *testing.T) {
	calls := make(map[string]bool) // "get", "object freq"
	for _, f := range transcript.Load(t, testdata) {
		for _, c := range f.Cases {
			for _, cmd := range c.Commands {
				name := strings.ToLower(string(cmd.Argv[0]))
				if calls[f.Name] = calls[f.Name] || name == f.Name; name == f.Name && len(cmd.Argv) > 1 {
					calls[name+" "+strings.ToLower(string(cmd.Argv[1]))] = true
				}
			}
		}
	}
	for _, row := range command.NewTable(command.Rows()).All() {
		if !calls[row.Name] {
			t.Errorf("%s has no transcript that calls it; write fsm/command/testdata/%s.txt", row.Name, row.Name)
			continue
		}
		for _, sub := range row.Subs {
			if !calls[row.Name+" "+sub.Name] {
				t.Errorf("fsm/command/testdata/%s.txt does not call %s %s", row.Name, row.Name, sub.Name)
			}
		}
	}
}
