package difftest_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/cmd/internal/difftest"
	"cairn/cmd/internal/redistest"
	"cairn/cmd/internal/transcript"
	"cairn/fsm/command"
	"cairn/fsm/reply"
	"cairn/storage"
)

func raw(argv [][]byte) ([][]byte, error) { return argv, nil }

// sabotage returns the rows with one command's Exec changed.
func sabotage(t *testing.T, name string, change func(right command.Exec) command.Exec) []command.Spec {
	rows := slices.Clone(command.Rows())
	i := slices.IndexFunc(rows, func(s command.Spec) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no row %s", name)
	}
	rows[i].Exec = change(rows[i].Exec)
	return rows
}

// reads is a sabotage of a command that reads: with gets the right reply and gives a wrong one.
func reads(with func(argv [][]byte, r reply.Reply) reply.Reply) func(command.Exec) command.Exec {
	return func(right command.Exec) command.Exec {
		return command.Read(raw, func(env command.Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
			got, err := right.(command.Reading).Run(env, r, argv)
			return with(argv, got), err
		})
	}
}

// writes is a sabotage of a command that writes.
func writes(with func(env command.Env, t *storage.Txn, argv [][]byte, right command.Writing) (reply.Reply, error)) func(command.Exec) command.Exec {
	return func(right command.Exec) command.Exec {
		return command.Write(raw, func(env command.Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
			return with(env, t, argv, right.(command.Writing))
		})
	}
}

// TestFindsBrokenCommands breaks one command at a time and expects the difference to be found, and told in few
// commands.
func TestFindsBrokenCommands(t *testing.T) {
	addr := redistest.Oracle(t)
	for _, test := range []struct {
		name, command string
		change        func(command.Exec) command.Exec
		want          string // in the report
	}{
		{"wrong reply", "strlen", reads(func(_ [][]byte, r reply.Reply) reply.Reply {
			if r.Int == 45 {
				r.Int = 44
			}
			return r
		}), "\n\tCairn: 44\n\tRedis: 45\n"},
		{"wrong error", "getrange", reads(func(_ [][]byte, r reply.Reply) reply.Reply {
			if r.Kind == reply.Error && string(r.Str) == string(reply.ErrNotInteger) {
				return reply.ErrSyntax.Reply()
			}
			return r
		}), "\n\tCairn: error \"ERR syntax error\"\n\tRedis: error \"ERR value is not an integer or out of range\"\n"},
		{"wrong null", "get", reads(func(_ [][]byte, r reply.Reply) reply.Reply {
			if r.Kind == reply.Null {
				return reply.NilArray()
			}
			return r
		}), "\n\tCairn: (nil array)\n\tRedis: (nil)\n"},
		{"key missing", "keys", reads(func(_ [][]byte, r reply.Reply) reply.Reply {
			r.Elems = slices.DeleteFunc(slices.Clone(r.Elems), func(e reply.Reply) bool { return len(e.Str) == 0 })
			return r
		}), "keys"},
		{"scan skips a key", "scan", reads(func(_ [][]byte, r reply.Reply) reply.Reply {
			if len(r.Elems) != 2 {
				return r
			}
			found := slices.DeleteFunc(slices.Clone(r.Elems[1].Elems), func(e reply.Reply) bool { return bytes.Equal(e.Str, []byte("num")) })
			return reply.ArrayOf(r.Elems[0], reply.ArrayOf(found...))
		}), "scan"},
		{"ttl far off", "ttl", reads(func(_ [][]byte, r reply.Reply) reply.Reply {
			if r.Int > 0 {
				r.Int += 1000
			}
			return r
		}), "ttl"},
		{"nothing written", "append", writes(func(_ command.Env, _ *storage.Txn, argv [][]byte, _ command.Writing) (reply.Reply, error) {
			return reply.Int(int64(len(argv[2]))), nil
		}), "append"},
		{"wrong database", "copy", writes(func(env command.Env, t *storage.Txn, argv [][]byte, right command.Writing) (reply.Reply, error) {
			if len(argv) > 4 && string(argv[4]) == "2" {
				argv = slices.Clone(argv)
				argv[4] = []byte("1")
			}
			return right.Run(env, t, argv)
		}), "copy"},
		{"time to live lost", "rename", writes(func(env command.Env, t *storage.Txn, argv [][]byte, right command.Writing) (reply.Reply, error) {
			r, err := right.Run(env, t, argv)
			if err == nil && r.Kind == reply.Status {
				persist, _ := command.NewTable(command.Rows()).Lookup([]byte("persist"))
				_, err = persist.Exec.(command.Writing).Run(env, t, [][]byte{[]byte("persist"), argv[2]})
			}
			return r, err
		}), "rename"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows := sabotage(t, test.command, test.change)
			d, err := difftest.Find(difftest.Options{Rows: rows, Skip: skip, Seed: 1, Shrink: time.Hour, Fresh: bareAgainst(t, addr, 2, rows)})
			if err != nil {
				t.Fatal(err)
			}
			if d == nil {
				t.Fatal("not found")
			}
			if text := d.String(); !strings.Contains(strings.ToLower(text), strings.ToLower(test.want)) || len(d.Commands) > 6 {
				t.Errorf("step %d is told in %d commands:\n%s", d.Step, len(d.Commands), text)
			}
		})
	}
}

// TestEveryCommandIsTried holds: five default sequences get from each command replies of success and of error, and no
// command is so seldom that the comparison means little.
func TestEveryCommandIsTried(t *testing.T) {
	neverFails := []string{"flushall", "flushdb", "mget", "del", "exists", "touch", "unlink"} // but for a wrong word, which is not made often
	good, bad := make(map[string]int), make(map[string]int)
	gen := difftest.NewGenerator(command.Rows(), skip, 1)
	bare, table := transcript.NewBare(t, vfs.NewMem(), command.Rows()), command.NewTable(command.Rows())
	for range 200_000 {
		argv := gen.Next()
		r, err := bare.Do(argv)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.ToLower(string(argv[0]))
		if row, ok := table.Lookup(argv[0]); ok && len(row.Subs) > 0 && len(argv) > 1 {
			name += "|" + strings.ToLower(string(argv[1]))
		}
		switch {
		case r.Kind == reply.Error:
			bad[name]++
		case r.Kind != reply.Null:
			good[name]++
		}
	}
	for _, row := range table.All() {
		names := []string{row.Name}
		if len(row.Subs) > 0 {
			names = nil
		}
		for _, sub := range row.Subs {
			names = append(names, row.Name+"|"+sub.Name)
		}
		for _, name := range names {
			if skip[name] != "" || row.Flags&command.FlagBlocking != 0 {
				continue
			}
			if name != "object|freq" && name != "pfdebug" && good[name] < 10 || bad[name] < 1 && !slices.Contains(neverFails, name) {
				t.Errorf("%s: %d replies that are no errors, %d errors", name, good[name], bad[name])
			}
		}
	}
	t.Logf("good %v\nbad %v", good, bad)
}

func TestSeedDecides(t *testing.T) {
	a, b := difftest.NewGenerator(command.Rows(), nil, 7), difftest.NewGenerator(command.Rows(), nil, 7)
	other := difftest.NewGenerator(command.Rows(), nil, 8)
	differs := false
	for range 1000 {
		argv := a.Next()
		if !slices.EqualFunc(argv, b.Next(), bytes.Equal) {
			t.Fatal("one seed gives two sequences")
		}
		differs = differs || !slices.EqualFunc(argv, other.Next(), bytes.Equal)
	}
	if !differs {
		t.Error("two seeds give one sequence")
	}
}
