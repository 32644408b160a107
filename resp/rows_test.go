package resp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

// newer are the subcommands that Redis 7.0 does not know yet.
var newer = []string{"client|setinfo", "client|no-touch"}

// TestRowsAsRedis compares the rows with COMMAND INFO and COMMAND DOCS of a real Redis.
func TestRowsAsRedis(t *testing.T) {
	redis := dial(t, startRedis(t))
	for _, row := range command.NewTable(connectionRows(), nodeRows()).All() {
		compareRow(t, redis, row, row.Name)
		for _, sub := range row.Subs {
			if full := row.Name + "|" + sub.Name; !slices.Contains(newer, full) {
				compareRow(t, redis, sub, full)
			}
		}
	}
}

func compareRow(t *testing.T, redis *client, row command.Spec, full string) {
	info := redis.do("COMMAND", "INFO", full).Elems[0].Elems
	docs := redis.do("COMMAND", "DOCS", full).Elems[1].Elems
	if container, _, isSub := strings.Cut(full, "|"); isSub { // 7.0 gives the docs of subcommands only with their container's
		docs = valueOf(valueOf(redis.do("COMMAND", "DOCS", container).Elems[1].Elems, "subcommands").Elems, full).Elems
	}
	flags := row.Flags.Names()
	slices.Sort(flags)
	var theirFlags []string
	for _, f := range info[2].Elems {
		theirFlags = append(theirFlags, string(f.Str))
	}
	slices.Sort(theirFlags)
	ours := fmt.Sprint(row.Arity, flags, row.Group, row.Since)
	theirs := fmt.Sprint(info[1].Int, theirFlags, string(valueOf(docs, "group").Str), string(valueOf(docs, "since").Str))
	if ours != theirs {
		t.Errorf("%s: %s, Redis: %s", full, ours, theirs)
	}
	if row.Summary == "" || strings.HasSuffix(row.Summary, ".") || row.Cost == "" {
		t.Errorf("%s: summary %q, cost %q", full, row.Summary, row.Cost)
	}
	if theirSummary := string(valueOf(docs, "summary").Str); theirSummary == row.Summary {
		t.Errorf("%s: the summary is Redis's", full)
	}
}

// valueOf returns the value behind a name in a flat map.
func valueOf(pairs []reply.Reply, name string) reply.Reply {
	for i := 0; i+1 < len(pairs); i += 2 {
		if string(pairs[i].Str) == name {
			return pairs[i+1]
		}
	}
	return reply.Nil()
}

// TestRoutes: every row and subcommand that a client can call has a route.
func TestRoutes(t *testing.T) {
	s := NewServer(Options{Backend: &fakeBackend{}})
	for _, row := range s.table.All() {
		names := [][][]byte{{[]byte(row.Name)}}
		for _, sub := range row.Subs {
			names = append(names, [][]byte{[]byte(row.Name), []byte(sub.Name)})
		}
		for _, argv := range names {
			full := string(argv[0])
			if len(argv) == 1 && len(row.Subs) > 0 && row.Exec == nil {
				continue
			}
			for len(argv) < 30 { // some number of arguments fits
				if spec, err := s.table.Resolve(argv); err == nil {
					if s.routes[spec] == nil {
						t.Errorf("%s has no route", full)
					}
					break
				}
				argv = append(argv, []byte("x"))
			}
		}
	}
}
