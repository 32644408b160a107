package storage

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestCompactionsWait: a store that has much to compact opens without, and begins with the first flush, or when it
// has been quiet.
func TestCompactionsWait(t *testing.T) {
	for _, begin := range []string{"flush", "quiet"} {
		t.Run(begin, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := small(vfs.NewMem())
				o.FlushInterval = time.Minute
				s, err := Open("db", o)
				must(t, err)
				folder := s.path(s.mu.engine.name)
				must(t, s.Close())

				raw := s.pebbleOptions()
				raw.Cache, raw.DisableAutomaticCompactions = nil, true
				db, err := pebble.Open(folder, raw)
				must(t, err)
				for i := range 10 {
					for k := range 10 {
						must(t, db.Set(fmt.Appendf(nil, "Mk%d", k), fmt.Append(nil, i), nil))
					}
					must(t, db.Flush())
				}
				must(t, db.Close())

				s, err = Open("db", o)
				must(t, err)
				time.Sleep(time.Second)
				synctest.Wait()
				if m := s.mu.engine.db.Metrics(); m.Compact.Count > 0 || m.Levels[0].Sublevels != 10 {
					t.Errorf("it compacts before it has anything to write: %d times, %d sublevels are left", m.Compact.Count, m.Levels[0].Sublevels)
				}
				if begin == "flush" {
					put(t, s, "Ma", "1")
					must(t, s.Sync())
				} else {
					time.Sleep(o.FlushInterval)
				}
				synctest.Wait()
				if m := s.mu.engine.db.Metrics(); m.Levels[0].Sublevels > 1 {
					t.Errorf("it does not compact: %d times, %d sublevels are left", m.Compact.Count, m.Levels[0].Sublevels)
				}
				must(t, s.Close())
			})
		})
	}
}

// TestBusy: a store is at work in the background while rows go to Pebble, and while it compacts.
func TestBusy(t *testing.T) {
	s := unhurried(t, vfs.NewMem())
	want := func(when string, want bool) {
		t.Helper()
		if got := s.Busy(); got != want {
			t.Errorf("%s: %v", when, got)
		}
	}
	e := s.mu.engine
	want("at rest", false)
	e.writing.lock()
	want("while rows are written", true)
	e.writing.unlock()
	e.background.Start()
	if ok, _ := e.background.TrySchedule(); !ok {
		t.Fatal("no compaction may begin")
	}
	want("while it compacts", true)
	e.background.Done()
	want("afterwards", false)
	must(t, s.Close())
	want("closed", false)
}
