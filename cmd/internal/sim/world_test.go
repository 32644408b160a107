package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"cairn/cmd/internal/history"
	"cairn/fsm/replica"
)

// options of a world, which its seed decides.
type options struct {
	nodes           int
	snapshotEntries uint64
	trailingLogs    uint64
	reads           replica.Consistency
	maxStaleness    time.Duration
	skewed          bool
	heartbeat       time.Duration
	pace            int // how many times more time a life takes in which as much happens as in a dense one
}

// usualHeartbeat is what the times of nodes and faults are made for; see options.slow.
const usualHeartbeat = 500 * time.Millisecond

func newOptions(seed uint64) options {
	rng := rand.New(rand.NewPCG(seed, 3))
	o := options{nodes: 3, snapshotEntries: 10, skewed: rng.IntN(3) > 0, heartbeat: usualHeartbeat, pace: 1}
	switch {
	case *paceFlag == "sparse" || *paceFlag == "" && rng.IntN(5) < 2:
		o.heartbeat = time.Duration(2 * math.Pow(15, rng.Float64()) * float64(time.Second)) // to 30 s
		o.pace = int(o.heartbeat.Seconds() * (20 + 60*rng.Float64()))                       // 40 to 2400
	case rng.IntN(3) == 0:
		o.heartbeat = time.Duration(200+rng.IntN(800)) * time.Millisecond
	}
	o.maxStaleness = o.slow(time.Duration(2+rng.IntN(9)) * time.Second)
	if rng.IntN(5) == 0 {
		o.nodes = 5
	}
	if rng.IntN(3) == 0 {
		o.snapshotEntries = uint64(1 + rng.IntN(40))
	}
	o.trailingLogs = []uint64{8, 32, 64, 200, 10_240}[rng.IntN(5)]
	if rng.IntN(4) == 0 {
		o.reads = replica.Lease
	}
	return o
}

// slow returns a time that suits the usual heartbeat, made longer where heartbeats are slower.
func (o options) slow(d time.Duration) time.Duration {
	return max(d, time.Duration(float64(d)*float64(o.heartbeat)/float64(usualHeartbeat)))
}

// sparse returns a pause between two things that happen, made longer where little does.
func (o options) sparse(d time.Duration) time.Duration { return d * time.Duration(o.pace) }

// world is one simulated cluster with its clients.
type world struct {
	seed  uint64
	o     options
	begin time.Time
	t     *testing.T
	c     *cluster
	h     history.History
	ticks ticks

	mu struct {
		sync.Mutex
		violations []string
		events     []string // what the world did to the nodes
		log        []string // the newest lines of the nodes' logs
		faults     map[string]int
		verified   int // checksums that nodes gave
	}
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, seed: seed, o: newOptions(seed), begin: time.Now()}
	w.mu.faults = make(map[string]int)
	w.c = newCluster(w)
	return w
}

func (w *world) stamp() string { return fmt.Sprintf("%9.3f ", time.Since(w.begin).Seconds()) }

// violation notes something that must not happen.
func (w *world) violation(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	line := w.stamp() + fmt.Sprintf(format, args...)
	w.mu.violations = append(w.mu.violations, line)
	w.mu.events = append(w.mu.events, "VIOLATION "+line)
}

// event notes what was done to the nodes.
func (w *world) event(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	line := w.stamp() + fmt.Sprintf(format, args...)
	w.mu.events = append(w.mu.events, line)
	w.logLocked("---- " + line)
}

// fault counts a fault.
func (w *world) fault(kind string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.faults[kind]++
}

func (w *world) logLine(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logLocked(w.stamp() + line)
}

// maxLog bounds the lines of the nodes' logs that are kept.
const maxLog = 20_000

func (w *world) logLocked(line string) {
	if *verboseFlag {
		fmt.Println(line)
	}
	if len(w.mu.log) == maxLog {
		w.mu.log = append(w.mu.log[:0], w.mu.log[maxLog/2:]...)
	}
	w.mu.log = append(w.mu.log, line)
}

// dump prints where every goroutine is.
func (w *world) dump() {
	b := make([]byte, 8<<20)
	fmt.Printf("%s\n%s\n", w.stamp(), b[:runtime.Stack(b, true)])
}

func (w *world) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.mu.violations) > 0
}

// result is what a world hands to the process around it.
type result struct {
	w    *world
	took time.Duration // of the cluster's life
}

// live runs the world: minutes of faults under load, then the end of it all.
func (w *world) live(length time.Duration) result {
	stop := make(chan struct{})
	var loads, keepers sync.WaitGroup
	for _, m := range w.c.members {
		keepers.Go(func() { w.keep(m, stop) })
	}
	if w.awaitLeader() {
		w.startLoad(&loads, stop)
		w.torment(w.o.sparse(length))
		w.heal()
	}
	close(stop)
	loads.Wait()
	keepers.Wait()
	if !w.failed() {
		w.finish()
	}
	return result{w: w, took: time.Since(w.begin)}
}

// pause lets time go on; it is false when stop is closed first.
func pause(d time.Duration, stop <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-stop:
		return false
	}
}

// keep starts a node again whenever it is down, sooner or later.
func (w *world) keep(m *member, stop <-chan struct{}) {
	rng := rand.New(rand.NewPCG(w.seed, uint64(200+m.i)))
	for {
		if err := m.start(); err != nil {
			w.violation("%v", err)
			return
		}
		if !pause(w.o.slow(time.Duration(rng.Int64N(int64(2*time.Second)))), stop) {
			return
		}
	}
}

// awaitLeader waits until a node leads and is ready.
func (w *world) awaitLeader() bool {
	for range 600 {
		if w.c.leader() != nil {
			return true
		}
		pause(w.o.slow(100*time.Millisecond), nil)
	}
	w.violation("no leader within %v", w.o.slow(time.Minute))
	return false
}
