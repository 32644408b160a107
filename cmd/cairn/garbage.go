package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// garbageBytes is how much memory may wait for Go's collector, or as much as is in use where that is more, which is what the collector
// goes by alone. A busy node with little to hold would spend a tenth
// of its time on looking through the same rows, several times a second.
const garbageBytes = 128 << 20

// collectLater makes the collector wait for garbageBytes, from now on. Where the environment has a GOGC, that is what counts.
func collectLater() {
	if os.Getenv("GOGC") == "" {
		(&pace{percent: defaultPercent, live: liveBytes, apply: debug.SetGCPercent}).set()
	}
}

// defaultPercent is the GOGC of a process that has none.
const defaultPercent = 100

// pace sets the collector's pace after each of its runs, by what that has left.
type pace struct {
	percent int
	live    func() uint64
	apply   func(percent int) (before int)
}

func (p *pace) set() {
	// Setting it stops the world for a moment: not for a small difference.
	if n := percentFor(p.live()); n < p.percent*9/10 || n > p.percent*11/10 {
		p.percent = n
		p.apply(n)
	}
	runtime.SetFinalizer(p, (*pace).set) // nobody has p from here on, which the next run finds
}

func liveBytes() uint64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return live[0].Value.Uint64()
}

// percentFor returns the GOGC that lets garbageBytes wait when live bytes are in use.
func percentFor(live uint64) int {
	return int(max(defaultPercent, garbageBytes*100/max(live, garbageBytes/8)))
}
