package replica

import (
	"errors"
	"testing"
	"time"
)

// TestLag: a member that holds everything that this node had when it asked has no lag, however much was written
// since; one that does not answer may lack all of that.
func TestLag(t *testing.T) {
	away := errors.New("away")
	for name, c := range map[string]struct {
		own, its uint64
		err      error
		now      uint64 // what this node has applied when it is asked for the lag
		want     uint64
		applied  uint64
	}{
		"holds everything":         {own: 9, its: 9, now: 9, want: 0, applied: 9},
		"written since":            {own: 9, its: 9, now: 20, want: 0, applied: 9},
		"further than this node":   {own: 9, its: 12, now: 20, want: 0, applied: 12},
		"behind":                   {own: 9, its: 5, now: 20, want: 4, applied: 5},
		"does not answer any more": {own: 9, err: away, now: 20, want: 17, applied: 3},
	} {
		t.Run(name, func(t *testing.T) {
			m := memberProgress{}.asked(3, 3, nil).asked(c.own, c.its, c.err)
			if got := m.behind(c.now); got != c.want || m.applied != c.applied {
				t.Errorf("lag %d, applied %d, want %d and %d", got, m.applied, c.want, c.applied)
			}
		})
	}
	if got := (memberProgress{}).behind(7); got != 7 {
		t.Errorf("one that never answered: lag %d, want 7", got)
	}
}

// TestLastContact: the newest of all answers counts, and there may be none.
func TestLastContact(t *testing.T) {
	hours := func(n time.Duration) time.Time { return time.Now().Add(-n * time.Hour) }
	for name, c := range map[string]struct {
		heard, beat time.Time
		want        time.Duration
	}{
		"never":       {want: -1},
		"a question":  {heard: hours(1), beat: hours(2), want: time.Hour},
		"a heartbeat": {heard: hours(2), beat: hours(1), want: time.Hour},
	} {
		got := memberProgress{heard: c.heard}.lastContact(c.beat)
		if c.want > 0 {
			got = got.Round(time.Minute)
		}
		if got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
