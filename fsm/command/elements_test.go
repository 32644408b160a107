package command

import (
	"strings"
	"testing"
)

// TestPartsOf: what the rows say of the words that name parts of a collection.
func TestPartsOf(t *testing.T) {
	table := NewTable(Rows())
	for call, want := range map[string]string{
		"hset k a 1": "a", "hset k a 1 b 2": "a b", "hmset k a 1 b 2 c 3": "a b c", "hsetnx k a 1": "a",
		"hdel k a": "a", "hdel k a b c": "a b c", "hincrby k a 1": "a", "hincrbyfloat k a 1": "a", "set k v": "",
		"sadd k a": "a", "sadd k a b": "a b", "srem k a b c": "a b c", "smove k l a": "a",
		"zadd k 1 a": "a", "zadd k 1 a 2 b": "a b", "zadd k nx 1 a": "a", "zadd k nx ch 1 a": "ch a", "zincrby k 1 a": "a", "zrem k a b": "a b",
		"geoadd k 1 2 a 3 4 b": "a b", "geoadd k nx 1 2 a": "a",
	} {
		var argv [][]byte
		for _, w := range strings.Fields(call) {
			argv = append(argv, []byte(w))
		}
		s, err := table.Resolve(argv)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if s.Parts != nil {
			first, last, ok := s.partSpan(argv)
			for at := first; ok && at <= last; at += s.Parts.Step {
				got = append(got, string(argv[at]))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q are parts", call, got)
		}
	}
	for _, s := range table.All() {
		named := s.Writes() && (s.Group == "hash" || s.Group == "set") && s.Name != "spop" && !strings.HasSuffix(s.Name, "store")
		scored := map[string]bool{"zadd": true, "zincrby": true, "zrem": true, "geoadd": true}[s.Name]
		if (named || scored) != (s.Parts != nil) || scored != (s.PartName != nil) {
			t.Errorf("%s: a write says which words are fields or members, and no other call does", s.Name)
		}
	}
}
