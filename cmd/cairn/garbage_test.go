package main

import (
	"runtime"
	"testing"
	"time"
)

// TestGoalFor: as much as garbageBytes waits, more where more is in use, or was a while ago.
func TestGoalFor(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct{ live, last, want uint64 }{
		{16 * mib, 0, 144 * mib},
		{128 * mib, 0, 256 * mib},
		{200 * mib, 0, 400 * mib},
		{400 * mib, 0, 656 * mib},
		{1024 * mib, 0, 1536 * mib},
		{64 * mib, 200 * mib, 199 * mib},    // held, but for a 200th
		{64 * mib, 190 * mib, 192 * mib},    // no less than it would be alone
		{64 * mib, 4096 * mib, 320 * mib},   // a large value is no reason to hold gigabytes
		{1024 * mib, 200 * mib, 1536 * mib}, // more is needed now
	} {
		if got := goalFor(c.live, c.last); got != c.want {
			t.Errorf("%d MiB in use, %d MiB before: %d MiB, want %d", c.live/mib, c.last/mib, got/mib, c.want/mib)
		}
	}
}

// TestCollectLater: the pace is set anew after each run of the collector, not only after the first.
func TestCollectLater(t *testing.T) {
	set, n := make(chan int, 16), 0
	live := func() uint64 { n++; return garbageBytes << (n % 2) }
	(&pace{percent: 2 * defaultPercent, live: live, apply: func(percent int) int { set <- percent; return 0 }}).set()
	for _, want := range []int{100, 200, 100} { // 256 MiB and as much again; 128 MiB, of the same heap but for a 200th
		select {
		case got := <-set:
			if got < want*98/100 || got > want {
				t.Errorf("set to %d, want %d", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("not set to %d", want)
		}
		runtime.GC()
	}
}
