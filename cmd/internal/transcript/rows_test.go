package transcript_test

import (
	"slices"
	"strings"
	"testing"

	"cairn/cmd/internal/redistest"
	"cairn/cmd/internal/transcript"
	"cairn/fsm/command"
)

// ownWay lists where a row differs from COMMAND INFO or COMMAND DOCS of Redis by design, and why.
var ownWay = map[string]string{}

// TestRowsAgreeWithRedis holds each row against what the real Redis says of its command.
func TestRowsAgreeWithRedis(t *testing.T) {
	redis := dial(t, redistest.Oracle(t))
	used := make(map[string]bool)
	for _, row := range command.NewTable(command.Rows()).All() {
		diffs, err := transcript.CompareRow(redis, row)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range diffs {
			if used[d] = true; ownWay[d] == "" {
				t.Errorf("%s; correct the row, or give a reason in ownWay", d)
			}
		}
	}
	for d := range ownWay {
		if !used[d] {
			t.Errorf("ownWay excuses %q, which is no longer so", d)
		}
	}
}

// TestCompareRow shows that each fact of a row is compared.
func TestCompareRow(t *testing.T) {
	redis := dial(t, redistest.Oracle(t))
	right := command.Spec{
		Name: "object", Arity: -2, Group: "generic", Since: "2.2.3",
		Subs: []command.Spec{{
			Name: "freq", Arity: 3, Flags: command.FlagReadOnly, Group: "generic", Since: "4.0.0",
			Keys: []command.KeySpec{{First: 2, Last: 2, Step: 1, Access: "RO"}},
		}},
	}
	missing := []string{"object|encoding: only Redis has it", "object|help: only Redis has it",
		"object|idletime: only Redis has it", "object|refcount: only Redis has it"}
	for _, test := range []struct {
		name   string
		change func(s *command.Spec)
		want   []string
	}{
		{"right", func(*command.Spec) {}, nil},
		{"arity", func(s *command.Spec) { s.Subs[0].Arity = 4 }, []string{"object|freq: arity 4, Redis 3"}},
		{"flags", func(s *command.Spec) { s.Flags = command.FlagFast }, []string{"object: flags [fast], Redis []"}},
		{"keys", func(s *command.Spec) { s.Subs[0].Keys = nil },
			[]string{"object|freq: first, last, step [0 0 0], Redis [2 2 1]", "object|freq: keys , Redis 2 2 1 [ro]"}},
		{"access", func(s *command.Spec) { s.Subs[0].Keys[0].Access = "RW" },
			[]string{"object|freq: keys 2 2 1 [rw], Redis 2 2 1 [ro]"}},
		{"since", func(s *command.Spec) { s.Since = "1.0.0" }, []string{"object: since 1.0.0, Redis 2.2.3"}},
		{"group", func(s *command.Spec) { s.Group = "string" }, []string{"object: group string, Redis generic"}},
		{"subcommand", func(s *command.Spec) { s.Subs = append(s.Subs, command.Spec{Name: "x"}) },
			[]string{"object|x: Redis does not know it"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := right
			s.Subs = []command.Spec{right.Subs[0]}
			s.Subs[0].Keys = slices.Clone(right.Subs[0].Keys)
			test.change(&s)
			got, err := transcript.CompareRow(redis, s)
			if err != nil {
				t.Fatal(err)
			}
			got = slices.DeleteFunc(got, func(d string) bool { return slices.Contains(missing, d) })
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	got, err := transcript.CompareRow(redis, command.Spec{Name: "nosuch"})
	if err != nil || !slices.Equal(got, []string{"nosuch: Redis does not know it"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

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
