package main

import (
	"runtime"
	"testing"
	"time"
)

// TestPercentFor: as much as garbageBytes waits, more only where more is in use.
func TestPercentFor(t *testing.T) {
	for live, want := range map[uint64]int{0: 800, 1 << 20: 800, garbageBytes / 8: 800, garbageBytes / 2: 200, garbageBytes: 100, 8 * garbageBytes: 100} {
		if got := percentFor(live); got != want {
			t.Errorf("%d bytes in use: %d, want %d", live, got, want)
		}
	}
}

// TestCollectLater: the pace is set anew after each run of the collector, not only after the first.
func TestCollectLater(t *testing.T) {
	set, n := make(chan int, 16), 0
	live := func() uint64 { n++; return garbageBytes >> (n % 2) }
	(&pace{percent: defaultPercent, live: live, apply: func(percent int) int { set <- percent; return 0 }}).set()
	for _, want := range []int{200, 100, 200} {
		select {
		case got := <-set:
			if got != want {
				t.Errorf("set to %d, want %d", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("not set to %d", want)
		}
		runtime.GC()
	}
}
