package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// garbageBytes is how much memory may wait for Go's collector where little is in use. By itself the collector lets as
// much wait as is in use: a busy node with little to hold would spend a tenth of its time on looking through the same
// rows, several times a second.
const garbageBytes = 128 << 20

// heldBytes is how much may wait where a heap stays as large as it was. What is in use rises and falls with each
// buffer that fills and is flushed; a heap that followed it would give memory back in each trough, and meet it again
// at the next crest as pages that the kernel has to find and to clear.
const heldBytes = 2 * garbageBytes

// holdRuns is of how many runs one lets go of what a heap holds and does not need.
const holdRuns = 200

// collectLater makes the collector wait for garbageBytes, from now on. Where the environment has a GOGC, that is what
// counts.
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
	goal    uint64 // bytes of heap at which the next run begins
	live    func() uint64
	apply   func(percent int) (before int)
}

func (p *pace) set() {
	live := max(p.live(), garbageBytes/8)
	p.goal = goalFor(live, p.goal)
	// Setting it stops the world for a moment: not for a small difference.
	if n := int((p.goal - live) * 100 / live); n < p.percent*9/10 || n > p.percent*11/10 {
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

// goalFor returns how large a heap with live bytes in use may grow, if it was to grow to last before. Much of it is
// there to be asked for, not to be written over: where much is in use, half of that may wait.
func goalFor(live, last uint64) uint64 {
	wait := max(garbageBytes, min(live, heldBytes), live/2)
	return max(live+wait, min(last-last/holdRuns, live+heldBytes))
}
