package main

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// TestProcessors: half of the processors while that is enough, and all of them for a while after each time that it
// was not.
func TestProcessors(t *testing.T) {
	var set []int
	p := &processors{all: 4, few: 2, now: 4, set: func(n int) { set = append(set, n) }}
	look := func(times int, percent time.Duration) {
		for range times {
			p.look(percent*time.Millisecond, 100*time.Millisecond, false)
		}
	}
	want := func(why string, want ...int) {
		t.Helper()
		if !slices.Equal(set, want) {
			t.Errorf("%s: set to %v, want %v", why, set, want)
		}
		set = nil
	}
	look(3, 190)
	want("half is enough", 2)
	look(1, 195)
	want("half is used up", 4)
	look(processorLinger-1, 100)
	want("a moment later")
	look(1, 100)
	want("half is tried again", 2)
	p.need()
	want("work in the background", 4)
	look(5, 0)
	p.need()
	look(processorLinger-1, 0)
	want("and again, before all were given back")
	look(1, 0)
	want("none of it", 2)
	p.look(0, 100*time.Millisecond, true)
	want("many calls at a time", 4)
}

// TestMany: it is calls for each read that count.
func TestMany(t *testing.T) {
	for _, c := range []struct {
		calls, reads uint64
		want         bool
	}{{0, 0, false}, {64, 0, false}, {1000, 1000, false}, {31999, 1000, false}, {64000, 1000, true}} {
		if got := many(c.calls, c.reads); got != c.want {
			t.Errorf("%d calls in %d reads: %v", c.calls, c.reads, got)
		}
	}
}

// TestCPUTime: what the process computes counts.
func TestCPUTime(t *testing.T) {
	for began := cpuTime(); cpuTime() <= began; {
	}
}

// TestSpareProcessors: Go is given what the rules say, and all it had in the end; nothing where the environment says
// how many.
func TestSpareProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	t.Setenv("GOMAXPROCS", "")
	ctx, cancel := context.WithCancel(t.Context())
	var busy atomic.Bool
	var calls, each, reads atomic.Uint64
	l := load{busy: busy.Load, served: func() (uint64, uint64) { return calls.Add(each.Load()), reads.Add(1) }}
	ended := make(chan bool)
	go func() {
		spareProcessors(ctx, l)
		close(ended)
	}()
	until := func(want int) {
		t.Helper()
		deadline := time.After(30 * time.Second)
		for runtime.GOMAXPROCS(0) != want {
			select {
			case <-time.After(processorTick / 10):
			case <-deadline:
				t.Fatalf("Go has %d processors, want %d", runtime.GOMAXPROCS(0), want)
			}
		}
	}
	until(2)
	busy.Store(true)
	until(4)
	busy.Store(false)
	until(2)
	each.Store(processorCalls)
	until(4)
	each.Store(processorCalls - 1)
	until(2)
	cancel()
	<-ended
	until(4)
	t.Setenv("GOMAXPROCS", "4")
	spareProcessors(t.Context(), l) // returns at once
}
