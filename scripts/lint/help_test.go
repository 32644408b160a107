package lint

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestScriptsHelp: every shell script says with --help what it does, and does nothing at a word that it does not know.
func TestScriptsHelp(t *testing.T) {
	scripts, err := filepath.Glob("../*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		for word, want := range map[string]int{"--help": 0, "no-such-word": 2} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			out, err := exec.CommandContext(ctx, script, word).CombinedOutput()
			cancel()
			code, exit := 0, (*exec.ExitError)(nil)
			if errors.As(err, &exit) {
				code = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if code != want || len(out) < 80 {
				t.Errorf("%s %s: exit %d, want %d; it says %q", script, word, code, want, out)
			}
		}
	}
}
