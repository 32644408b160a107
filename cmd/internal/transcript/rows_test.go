package transcript_test

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"cairn/cmd/internal/transcript"
	"cairn/fsm/command"
	"cairn/resp"
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
			t.Errorf("%s has no transcript that calls it; write fsm/command/testdata/%s/%s.txt", row.Name, row.Group, row.Name)
			continue
		}
		for _, sub := range row.Subs {
			if !calls[row.Name+" "+sub.Name] {
				t.Errorf("fsm/command/testdata/%s/%s.txt does not call %s %s", row.Group, row.Name, row.Name, sub.Name)
			}
		}
	}
}

// TestTranscriptsByGroup holds: a transcript stands in the folder of its command's group, and is of a command.
func TestTranscriptsByGroup(t *testing.T) {
	for _, dir := range []string{"fsm/command/testdata", "resp/testdata"} {
		var paths []string
		err := fs.WalkDir(os.DirFS("../../../"+dir), ".", func(path string, e fs.DirEntry, err error) error {
			if strings.HasSuffix(path, ".txt") {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil || len(paths) == 0 {
			t.Fatal(dir, len(paths), err)
		}
		for _, wrong := range misplaced(paths, resp.Rows()) {
			t.Errorf("%s/%s", dir, wrong)
		}
	}
	given := []string{"string/get.txt", "generic/get.txt", "get.txt", "string/more/get.txt", "string/none.txt"}
	want := []string{
		"generic/get.txt: move it to string/get.txt", "get.txt: move it to string/get.txt", "string/more/get.txt: move it to string/get.txt",
		"string/none.txt: no command has this name",
	}
	if got := misplaced(given, []command.Spec{{Name: "get", Group: "string"}}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// misplaced says which transcripts stand where none of the rows wants them.
func misplaced(paths []string, rows []command.Spec) (wrong []string) {
	for _, p := range paths {
		base := path.Base(p)
		i := slices.IndexFunc(rows, func(row command.Spec) bool { return row.Name+".txt" == strings.ToLower(base) })
		switch {
		case i < 0:
			wrong = append(wrong, p+": no command has this name")
		case p != rows[i].Group+"/"+base:
			wrong = append(wrong, p+": move it to "+rows[i].Group+"/"+base)
		}
	}
	return wrong
}
