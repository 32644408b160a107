package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// worldTime is how much wall time a world may take before it counts as hung.
const worldTime = 10 * time.Minute

// TestSim simulates worlds: the one of -sim.seed, or fresh ones until -sim.budget, or CAIRN_SIM_BUDGET, is used up.
func TestSim(t *testing.T) {
	if *worldFlag || testing.Short() {
		t.Skip("it takes some seconds of wall time for minutes of a cluster's")
	}
	if !strings.HasPrefix(runtime.Version(), "go1.26") {
		why := "bubble_test.go knows the runtime of Go 1.26 only, this is " + runtime.Version() + ": set GOTOOLCHAIN=go1.26.8"
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	if env := os.Getenv("CAIRN_SIM_BUDGET"); env != "" {
		if err := flag.Set("sim.budget", env); err != nil {
			t.Fatal(err)
		}
	}
	bin := buildWorld(t)
	var h hours
	begin := time.Now()
	if *seedFlag != 0 {
		for range *repeatFlag {
			h.run(t, bin, *seedFlag)
		}
	} else {
		seeds := rand.Uint64() >> 16 // printed; short enough to type
		var wg sync.WaitGroup
		for job := range *jobsFlag {
			wg.Go(func() {
				for n := 0; time.Since(begin) < *budgetFlag && !t.Failed(); n++ {
					h.run(t, bin, seeds+uint64(n**jobsFlag+job))
				}
			})
		}
		wg.Wait()
	}
	wall := time.Since(begin)
	t.Logf("%d worlds, %.2f cluster-hours in %v of wall time: %.2f cluster-hours a minute; %d faults, %d operations checked; "+
		"%d dense worlds, %.2f of the hours, %.0f %% of the time; faults %v", h.worlds, h.lived.Hours(), wall.Round(time.Second),
		h.lived.Hours()/wall.Minutes(), h.faults, h.operations, h.dense, h.livedDense.Hours(), 100*h.tookDense.Seconds()/max(1e-9, h.took.Seconds()), h.kinds)
}

// buildWorld builds this package's tests as a process that is a world.
func buildWorld(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "world.test")
	out, err := exec.Command("go", "test", "-c", "-o", bin, "-tags", "cairnsim", "-ldflags=-checklinkname=0",
		"-overlay", quietPebble(t), ".").CombinedOutput()
	if err != nil {
		t.Fatalf("build the world: %v\n%s", err, out)
	}
	return bin
}

// quietPebble returns a file for go build's -overlay. Pebble looks ten times a second whether there is something to
// compact, in each of its databases, also those of dead nodes; that is most of what happens in a world where little
// does. In a world it looks when it has flushed or compacted.
func quietPebble(t *testing.T) string {
	t.Helper()
	const quiet = "Experimental.CompactionScheduler = pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()\n"
	replace := make(map[string]string)
	dir := t.TempDir()
	for i, change := range []struct{ file, mark, options string }{
		{"../../../storage/engine.go", "for i := range o.Levels {", "o."},
		{"../../../storage/raftlog/options.go", "if o.FS == vfs.Default {", "p."},
	} {
		path, err := filepath.Abs(change.file)
		if err != nil {
			t.Fatal(err)
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Count(source, []byte(change.mark)) != 1 {
			t.Fatalf("%s does not say once: %s", path, change.mark)
		}
		replace[path] = filepath.Join(dir, fmt.Sprintf("%d.go", i))
		source = bytes.Replace(source, []byte(change.mark), []byte(change.options+quiet+change.mark), 1)
		if err := os.WriteFile(replace[path], source, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "overlay.json")
}

// hours adds up what was simulated.
type hours struct {
	mu                                sync.Mutex
	worlds, dense, faults, operations int
	lived, livedDense                 time.Duration // cluster time
	took, tookDense                   time.Duration // wall time
	kinds                             map[string]int
}

// livedLine is the line of a world that reports.
var livedLine = regexp.MustCompile(`sim: seed \d+ of pace (\d+) lived ([0-9.]+)s; (\d+) faults map\[(.*)\]; (\d+) operations`)

// addLocked counts a world that reported a line; nil where it did not.
func (h *hours) addLocked(line []string, took time.Duration) {
	h.worlds++
	h.took += took
	if line == nil {
		return
	}
	seconds, _ := strconv.ParseFloat(line[2], 64) // the expression lets numbers through only
	faults, _ := strconv.Atoi(line[3])
	operations, _ := strconv.Atoi(line[5])
	lived := time.Duration(seconds * float64(time.Second))
	h.lived += lived
	h.faults += faults
	h.operations += operations
	if line[1] == "1" {
		h.dense++
		h.livedDense += lived
		h.tookDense += took
	}
	if h.kinds == nil {
		h.kinds = make(map[string]int)
	}
	for _, m := range faultCount.FindAllStringSubmatch(line[4], -1) {
		n, _ := strconv.Atoi(m[2])
		h.kinds[m[1]] += n
	}
}

// faultCount is one kind of fault in a livedLine.
var faultCount = regexp.MustCompile(`([a-z][a-z -]*):(\d+)`)

// cutShort are the panics with which a node rightly ends when its disk fails, in places where this test cannot stop
// it before the panic: the machine after an Adopt whose outcome is unknown, Pebble's marker files, and a goroutine
// that a failed Open of Pebble's (of a received state) leaves behind.
var cutShort = regexp.MustCompile(`panic: fsm: apply .*: sim: the disk fails|panic: sim: the disk fails\n(.*\n)*.*atomicfs\.\(\*Marker\)\.Move|` +
	`integer divide by zero\n(.*\n)*.*pebble/v2\.\(\*DB\)\.collectTableStats|` +
	// synctest's, not a node's: with countMutexes a bubble counts as asleep while it waits for a mutex that somebody
	// outside holds. In a world that is alive there are always timers, for each node has a keeper.
	`panic: deadlock: all goroutines in bubble are blocked(.*\n)*.*sim\.\(\*world\)\.keep`)

// run simulates one world in a process of its own.
func (h *hours) run(t *testing.T, bin string, seed uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), worldTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, "-test.run", "^TestWorld$", "-test.timeout", "0", "-sim.world",
		fmt.Sprintf("-sim.seed=%d", seed), fmt.Sprintf("-sim.length=%v", *lengthFlag), "-sim.pace="+*paceFlag, fmt.Sprintf("-sim.log=%d", *logFlag))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) } // it prints where everybody is
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), "GOGC=400", "GOMEMLIMIT=600MiB") // most worlds live on less; see maxWorldBytes
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)

	h.mu.Lock()
	defer h.mu.Unlock()
	line := livedLine.FindStringSubmatch(out.String())
	h.addLocked(line, took)
	if err != nil && line == nil && cutShort.MatchString(out.String()) {
		t.Logf("sim: seed %d was cut short by a panic about a failing disk, or by the bubble", seed)
		return
	}
	if err == nil && line == nil {
		err = errors.New("it ended without a report")
	}
	if err != nil {
		t.Errorf("seed %d: %v; to see it again:\n\tgo test ./cmd/internal/sim -run TestSim -sim.seed=%d -sim.length=%v -sim.pace=%s\n%s",
			seed, err, seed, *lengthFlag, *paceFlag, strings.ToValidUTF8(out.String(), "?"))
		return
	}
	t.Logf("%s", strings.TrimSpace(out.String()))
}
