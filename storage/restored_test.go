package storage

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/storage/layout"
	"cairn/storage/storagetest"
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
	wantDurable := func(s *Store, want uint64) {
		t.Helper()
		if got := s.Durable(); got != want {
			t.Errorf("Durable is %d, want %d", got, want)
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
	wantDurable(s, at)
	put(t, s, "M", "goes on")
	must(t, s.SaveRecord(layout.Record{Index: at + 2}))
	want(s, at+1, at+2)
	must(t, s.Sync())
	wantDurable(s, at+2)
	must(t, s.Rewind(layout.Record{Index: at}))
	want(s, at+2, at)
	wantDurable(s, at)

	reached := func(s *Store, want uint64) {
		t.Helper()
		if got, err := s.Reached(); err != nil || got != want {
			t.Errorf("Reached is %d, %v, want %d", got, err, want)
		}
	}
	reached(s, at+2)
	crashed := crash(fs, storagetest.Rand(t), 0)
	must(t, s.Close())
	want(opened(t, crashed), at+2, at)
}

// TestReached: the store knows how far it was when a crash has taken its newest rows; what a sender had reached does
// not count, nor what a power cut has left half.
func TestReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrashableMem()
		s := unhurried(t, fs)
		put(t, s, "Ma", "1")
		must(t, s.Sync())
		put(t, s, "Ma", "2")
		put(t, s, "Ma", "3")
		synctest.Wait()
		must(t, s.mu.engine.reached.file.Sync()) // the process is killed: what it has written stays
		must(t, syncDir(fs, "db/"+firstEngine))
		mem := crash(fs, storagetest.Rand(t), 0)
		reached := func(s *Store, want, state uint64) {
			t.Helper()
			if at, err := s.Reached(); at != want || s.State().Index != state || err != nil {
				t.Errorf("Reached is %d, %v, the state is at %d; want %d and %d", at, err, s.State().Index, want, state)
			}
		}
		killed := mustOpen(t, mem)
		reached(killed, 3, 1)
		g, err := receive(s, streamOf(t, killed))
		must(t, err)
		must(t, s.Adopt(g, layout.Record{Index: 1}))
		reached(s, 1, 1)
		must(t, killed.Close())
		must(t, s.Close())

		f, err := mem.OpenReadWrite("db/"+firstEngine+"/"+reachedFile, vfs.WriteCategoryUnspecified)
		must(t, err)
		_, err = f.WriteAt([]byte{1, 2}, 3)
		must(t, errors.Join(err, f.Close()))
		half := mustOpen(t, mem)
		reached(half, 1, 1)
		must(t, half.Close())
	})
}
