package dump

import (
	"bytes"
	"testing"

	"github.com/hashicorp/raft"

	"cairn/fsm/entry"
	"cairn/storage/raftlog"
)

// FuzzEntry: whatever an entry of the log holds, it is shown, or refused with an error; a key or value cannot end its
// line.
func FuzzEntry(f *testing.F) {
	calls := []entry.Call{{DB: 3, Argv: [][]byte{[]byte("set"), []byte("k\n"), bytes.Repeat([]byte{0xff}, 100)}}}
	f.Add(uint8(raft.LogCommand), entry.Append(nil, entry.Entry{Time: 1, Groups: []entry.Group{{Calls: calls}}}))
	f.Add(uint8(raft.LogConfiguration), raft.EncodeConfiguration(raft.Configuration{Servers: []raft.Server{{ID: "n1"}}}))
	f.Add(uint8(raft.LogNoop), []byte{})
	f.Add(uint8(200), []byte("?"))
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		var out bytes.Buffer
		err := dumpEntry(&out, &raftlog.Entry{Index: 7, Term: 1, Type: raft.LogType(kind), Data: data})
		lines := 1
		if e, bad := entry.Parse(data); raft.LogType(kind) == raft.LogCommand && bad == nil {
			for _, g := range e.Groups {
				lines += len(g.Calls)
			}
		}
		if got := bytes.Count(out.Bytes(), []byte("\n")); err == nil && got != lines {
			t.Errorf("%d lines, want %d: %q", got, lines, out.Bytes())
		}
	})
}
