package sim

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seedFlag    = flag.Uint64("sim.seed", 0, "simulate the world of this seed")
	repeatFlag  = flag.Int("sim.repeat", 1, "simulate the world of -sim.seed so often")
	budgetFlag  = flag.Duration("sim.budget", 20*time.Second, "wall time for worlds of fresh seeds")
	lengthFlag  = flag.Duration("sim.length", 2*time.Minute, "cluster time that a dense world is under faults; a sparse one takes as many times more as its pace says")
	paceFlag    = flag.String("sim.pace", "", "dense or sparse: worlds of that pace only")
	jobsFlag    = flag.Int("sim.jobs", 1, "worlds at a time")
	worldFlag   = flag.Bool("sim.world", false, "be the world of -sim.seed; for this test's own use")
	verboseFlag = flag.Bool("sim.v", false, "print the faults and the nodes' logs as they come")
	logFlag     = flag.Int("sim.log", 150, "how many of the newest log lines a failing world prints")
)

// TestMain runs the tests, or one world when the test has started itself as that.
func TestMain(m *testing.M) {
	flag.Parse()
	if !*worldFlag {
		os.Exit(m.Run())
	}
	countMutexes()
	born = make(chan result)
	go m.Run()
	go limitMemory()
	r := <-born
	os.Exit(r.report())
}

// maxWorldBytes is more memory than a world needs; one that spins without time going on would take all there is.
const maxWorldBytes = 1 << 30

// limitMemory ends a world that has taken too much memory, and prints where everybody is.
func limitMemory() {
	for range time.Tick(time.Second) {
		var s runtime.MemStats
		if runtime.ReadMemStats(&s); s.HeapAlloc > maxWorldBytes {
			debug.SetTraceback("all")
			panic(fmt.Sprintf("sim: the world of seed %d takes %d bytes", *seedFlag, s.HeapAlloc))
		}
	}
}

// born takes the world's result to TestMain. It is made outside of the bubble: who waits for it stops the bubble's
// time.
var born chan result

// TestWorld is the world of one seed. Its bubble never ends: goroutines of nodes that were stopped before a panic
// cannot.
func TestWorld(t *testing.T) {
	if !*worldFlag {
		t.Skip("TestSim starts this in processes of its own")
	}
	synctest.Test(t, func(t *testing.T) {
		born <- newWorld(t, *seedFlag).live(*lengthFlag)
		<-born // which never comes
	})
}

// report prints what became of the world and returns the exit code.
func (r result) report() int {
	bad, undecided := r.w.h.Check(time.Minute)
	bad = append(r.w.mu.violations, bad...)
	for _, key := range undecided {
		fmt.Printf("the history of %s was too much for a minute of checking\n", key)
	}
	faults := 0
	for _, n := range r.w.mu.faults {
		faults += n
	}
	ops := r.w.h.Count()
	fmt.Printf("sim: seed %d of pace %d lived %.1fs; %d faults %v; %d operations, %d of unknown outcome; %d ticks; %d checksums; %+v\n",
		r.w.seed, r.w.o.pace, r.took.Seconds(), faults, r.w.mu.faults, ops.Operations, ops.InDoubt, len(r.w.ticks.acked), r.w.mu.verified, r.w.o)
	if len(bad) == 0 {
		return 0
	}
	log := r.w.mu.log
	log = log[max(0, len(log)-*logFlag):]
	fmt.Printf("\nfaults:\n%s\n\nlogs:\n%s\n\nviolations:\n%s\n", strings.Join(r.w.mu.events, "\n"), strings.Join(log, "\n"), strings.Join(bad, "\n"))
	return 1
}
