package main

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"time"
)

// Go runs goroutines on as many processors as there are, and wakes another one whenever there is one more to run. A node that serves
// many small calls has such a moment at each step of each: it then spends more on waking and on memory that moves from one
// processor to another than the second one gives it, and takes that one from the clients and from the kernel. So Go has half of the
// processors, as long as that is enough, and all of them for a while whenever it is not: when those are used up, and when
// the store is at work in the background, which may be in the kernel for long.
const (
	processorTick   = 100 * time.Millisecond // between two looks
	processorLinger = 10                     // looks until the half is tried again
	processorFull   = 97                     // percent of the half's time that count as used up
)

// spareProcessors does so until ctx ends, unless the environment has a GOMAXPROCS. busy says that there is work in the background.
func spareProcessors(ctx context.Context, busy func() bool) {
	all := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") != "" || all < 2 {
		return
	}
	p := &processors{all: all, few: all / 2, now: all, set: func(n int) { runtime.GOMAXPROCS(n) }}
	tick := time.NewTicker(processorTick)
	defer tick.Stop()
	defer runtime.GOMAXPROCS(all)
	cpu, at := cpuTime(), time.Now()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		c, t := cpuTime(), time.Now()
		p.look(busy(), c-cpu, t.Sub(at))
		cpu, at = c, t
	}
}

// processors decides how many Go may use.
type processors struct {
	all, few int
	now      int
	linger   int // looks for which all are given
	set      func(n int)
}

// look sets the number by what has happened: used is the processor time that the process took meanwhile.
func (p *processors) look(busy bool, used, meanwhile time.Duration) {
	if busy || used*100 > time.Duration(p.few)*meanwhile*processorFull {
		p.linger = processorLinger
	} else {
		p.linger = max(0, p.linger-1)
	}
	n := p.few
	if p.linger > 0 {
		n = p.all
	}
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
