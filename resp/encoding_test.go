package resp

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"cairn/fsm/command"
	"cairn/fsm/entry"
	"cairn/fsm/replica"
	"cairn/fsm/reply"
)

// TestEncodingSettings: OBJECT ENCODING is asked with this node's settings, if it has its own. Two names say one
// setting.
func TestEncodingSettings(t *testing.T) {
	backend := &fakeBackend{read: func(_ context.Context, _ replica.Consistency, calls []entry.Call) ([]reply.Reply, error) {
		return []reply.Reply{reply.BulkBytes(bytes.Join(calls[0].Argv, []byte(" ")))}, nil
	}}
	bubble(t, Options{Backend: backend}, func(t *testing.T, s *Server, dial func() *client) {
		c := dial()
		asked := func(want string) {
			t.Helper()
			c.ask("OBJECT ENCODING k\r\n", fmt.Sprintf("$%d\r\n%s\r\n", len(want), want))
		}
		asked("object ENCODING k")
		c.ask("CONFIG SET hash-max-ziplist-entries 5\r\n", "+OK\r\n")
		c.ask("CONFIG GET hash-max-listpack-entries\r\n", "*2\r\n$25\r\nhash-max-listpack-entries\r\n$1\r\n5\r\n")
		asked("cairn.encoding k 5 64 512 128 64")
		c.ask("CONFIG SET hash-max-listpack-value 7\r\n", "+OK\r\n")
		asked("cairn.encoding k 5 7 512 128 64")
		c.ask("CONFIG SET set-max-intset-entries 9\r\n", "+OK\r\n")
		asked("cairn.encoding k 5 7 9 128 64")
		c.ask("CONFIG SET zset-max-ziplist-entries 3 zset-max-listpack-value 4\r\n", "+OK\r\n")
		asked("cairn.encoding k 5 7 9 3 4")
		c.ask("CONFIG SET zset-max-listpack-entries 128 zset-max-ziplist-value 64\r\n", "+OK\r\n")
		c.ask("CONFIG SET set-max-intset-entries 512\r\n", "+OK\r\n")
		c.ask("CONFIG SET hash-max-listpack-entries 512 hash-max-ziplist-value 64\r\n", "+OK\r\n")
		asked("object ENCODING k")
		c.ask("CONFIG SET hash-max-listpack-entries -1\r\n", "-ERR CONFIG SET failed (possibly related to argument "+
			"'hash-max-listpack-entries') - argument must be between 0 and 9223372036854775807 inclusive\r\n")
		if s.settings.load().encodings != command.DefaultEncodings {
			t.Error("the settings are not what they were")
		}
	})
}
