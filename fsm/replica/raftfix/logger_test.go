package raftfix

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// TestLogger: Raft's lines come as lines of ours, at the level that they have for an operator, and without the
// insides of structs.
func TestLogger(t *testing.T) {
	n2 := raft.Server{ID: "n2", Address: "10.0.0.2:7002"}
	type secret struct{ Word string }
	for name, c := range map[string]struct {
		say  func(hclog.Logger)
		want string
	}{
		"a peer is away": {
			func(l hclog.Logger) { l.Error("failed to appendEntries to", "peer", n2, "error", errors.New("a\nb")) },
			`level=DEBUG msg="raft: failed to appendEntries to" peer=n2/10.0.0.2:7002 err="a; b"`},
		"a silent one": {
			func(l hclog.Logger) { l.Warn("failed to contact", "server-id", n2.ID, "time", time.Second) },
			`level=DEBUG msg="raft: failed to contact" peer=n2 dur=1s`},
		"no majority": {
			func(l hclog.Logger) { l.Warn("failed to contact quorum of nodes, stepping down") },
			`level=INFO msg="raft: failed to contact quorum of nodes, stepping down"`},
		"a disk": {
			func(l hclog.Logger) { l.Error("failed to append to logs", "error", errors.New("disk")) },
			`level=ERROR msg="raft: failed to append to logs" err=disk`},
		"what is not known": {
			func(l hclog.Logger) { l.Warn("news", "last-index", uint64(7), "is it", true) },
			`level=WARN msg="raft: news" last_index=7 is_it=true`},
		"information": {
			func(l hclog.Logger) {
				l.Info("updating configuration", "servers", hclog.Fmt("%+v", []raft.Server{n2, n2}))
			},
			`level=DEBUG msg="raft: updating configuration" servers=n2/10.0.0.2:7002,n2/10.0.0.2:7002`},
		"a struct":     {func(l hclog.Logger) { l.Info("x", "in", secret{"w"}, "at", &secret{"w"}) }, `level=DEBUG msg="raft: x" in=raftfix.secret at=*raftfix.secret`},
		"a format":     {func(l hclog.Logger) { l.Info("x", "y", hclog.Fmt("%d of %d", 1, 2)) }, `level=DEBUG msg="raft: x" y="1 of 2"`},
		"one too many": {func(l hclog.Logger) { l.Info("x", "y") }, `level=DEBUG msg="raft: x" more=y`},
		"implied":      {func(l hclog.Logger) { l.With("id", "s").Info("x") }, `level=DEBUG msg="raft: x" id=s`},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			c.say(NewLogger(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			if _, got, _ := strings.Cut(strings.TrimSpace(b.String()), " "); got != c.want {
				t.Errorf("%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestMeanings: what is judged by its words is still in those words in Raft.
func TestMeanings(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/hashicorp/raft").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var source strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(b)
	}
	for msg := range meanings {
		if !strings.Contains(source.String(), `"`+msg+`"`) {
			t.Errorf("Raft does not say %q", msg)
		}
	}
}
