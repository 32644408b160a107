package command

import (
	"bytes"
	"strings"
	"testing"
)

// TestOnlyKey: a row that says where its only key stands says what its specifications find, in calls of any length.
func TestOnlyKey(t *testing.T) {
	table, known := NewTable(Rows()), make(map[string]bool)
	for i := range table.rows {
		s := &table.rows[i]
		if known[s.Name] = s.onlyKey > 0; s.onlyKey == 0 {
			continue
		}
		for more := range 4 {
			argv := bytes.Split([]byte(strings.Repeat("word ", max(s.Arity, -s.Arity)+more)), []byte(" "))
			argv = argv[:len(argv)-1]
			if keys := s.KeysOf(argv); s.ArityFits(len(argv)) && (len(keys) != 1 || keys[0].At != s.onlyKey) {
				t.Errorf("%s with %d words: key %d, its specifications find %v", s.Name, len(argv), s.onlyKey, keys)
			}
		}
	}
	for name, want := range map[string]bool{"set": true, "incr": true, "expire": true, "mset": false, "del": false, "copy": false, "flushall": false} {
		if known[name] != want {
			t.Errorf("%s: %v", name, known[name])
		}
	}
}
