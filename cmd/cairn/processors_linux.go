package main

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"time"
)

// Go runs goroutines on as many processors as there are, and wakes another one whenever there is one more to run. A
// node that serves many small calls has such a moment at each step of each: it then spends more on waking and on
// memory that moves from one processor to another than the second one gives it, and takes that one from the clients
// and from the kernel. So Go has half of the processors, as long as that is enough, and all of them for a while
// whenever it is not: when those are used up, when the store is at work in the background, which may be in the kernel
// for long, and when clients send many calls at a time, so that there are few such moments.
const (
	processorTick   = 20 * time.Millisecond // between two looks for work in the background
	processorTicks  = 5                     // until the processor time is looked at, and linger counts
	processorLinger = 10                    // of those looks until the half is tried again
	processorFull   = 97                    // percent of the half's time that count as used up
	processorCalls  = 32                    // at a time that count as many
)

// spareProcessors does so until ctx ends, unless the environment has a GOMAXPROCS.
func spareProcessors(ctx context.Context, l load) {
	all := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") != "" || all < 2 {
		return
	}
	p := &processors{all: all, few: all / 2, now: all, set: func(n int) { runtime.GOMAXPROCS(n) }}
	tick := time.NewTicker(processorTick)
	defer tick.Stop()
	defer runtime.GOMAXPROCS(all)
	cpu, at := cpuTime(), time.Now()
	calls, reads := l.served()
	for ticks := 1; ; ticks++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		switch {
		case l.busy():
			p.need()
		case ticks%processorTicks == 0:
			nowCPU, now := cpuTime(), time.Now()
			c, r := l.served()
			p.look(nowCPU-cpu, now.Sub(at), many(c-calls, r-reads))
			cpu, at, calls, reads = nowCPU, now, c, r
		}
	}
}

// many says that so many calls, which came in so many reads, were many at a time.
func many(calls, reads uint64) bool { return reads > 0 && calls/reads >= processorCalls }

// processors decides how many Go may use.
type processors struct {
	all, few int
	now      int
	linger   int // looks for which all are still given
	set      func(n int)
}

// need gives all, for a while.
func (p *processors) need() {
	p.linger = processorLinger
	p.give(p.all)
}

// look is told how much processor time the process has used meanwhile, and whether clients have sent many calls at a
// time.
func (p *processors) look(used, meanwhile time.Duration, many bool) {
	if many || used*100 > time.Duration(p.few)*meanwhile*processorFull {
		p.need()
	} else if p.linger--; p.linger <= 0 {
		p.give(p.few)
	}
}

func (p *processors) give(n int) {
	if n != p.now { // it stops the world for a moment
		p.now = n
		p.set(n)
	}
}

// cpuTime returns how much processor time the process has taken so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for a wrong first argument only
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
