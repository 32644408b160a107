package storage

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
)

// TestRestored: the store knows, durably, up to where a restore has brought it, for the Raft log may end before.
func TestRestored(t *testing.T) {
	want := func(s *Store, restored, record uint64) {
		t.Helper()
		if got, err := s.Restored(); err != nil || got != restored {
			t.Errorf("Restored is %d, %v, want %d", got, err, restored)
		}
		if r, _, err := s.Record(); err != nil || r.Index != record {
			t.Errorf("the record is at %d, %v, want %d", r.Index, err, record)
		}
	}
	from := opened(t, vfs.NewMem())
	fill(t, from, "from", 9)
	must(t, from.Rewind(layout.Record{Index: 3})) // what a sender once had restored is not the receiver's
	at := from.State().Index
	put(t, from, "M", "more")

	fs := vfs.NewCrashableMem()
	s := mustOpen(t, fs)
	want(s, 0, 0)
	g, err := receive(s, streamOf(t, from))
	must(t, err)
	must(t, s.Adopt(g, layout.Record{Index: at}))
	want(s, at+1, at)
	put(t, s, "M", "goes on")
	must(t, s.SaveRecord(layout.Record{Index: at + 2}))
	want(s, at+1, at+2)
	must(t, s.Rewind(layout.Record{Index: at}))
	want(s, at+2, at)

	crashed := crash(fs, newRand(t), 0)
	must(t, s.Close())
	want(opened(t, crashed), at+2, at)
}
