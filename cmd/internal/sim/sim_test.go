package sim

import (
	"bytes"
	"context"
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
const worldTime = 2 * time.Minute

// TestSim simulates worlds: the one of -sim.seed, or fresh ones until -sim.budget, or CAIRN_SIM_BUDGET, is used up.
func TestSim(t *testing.T) {
	if *worldFlag || testing.Short() {
		t.Skip("it takes some seconds of wall time for minutes of a cluster's")
	}
	if !strings.HasPrefix(runtime.Version(), "go1.26") {
		t.Skip("bubble_test.go knows the runtime of Go 1.26 only, this is " + runtime.Version())
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
	t.Logf("%d worlds, %.2f cluster-hours in %v of wall time: %.2f cluster-hours a minute; %d faults, %d operations checked",
		h.worlds, h.lived.Hours(), wall.Round(time.Second), h.lived.Hours()/wall.Minutes(), h.faults, h.operations)
}

// buildWorld builds this package's tests as a process that is a world.
func buildWorld(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "world.test")
	out, err := exec.Command("go", "test", "-c", "-o", bin, "-tags", "cairnsim", "-ldflags=-checklinkname=0", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("build the world: %v\n%s", err, out)
	}
	return bin
}

// hours adds up what was simulated.
type hours struct {
	mu                         sync.Mutex
	worlds, faults, operations int
	lived                      time.Duration
}

// lived is the line of a world that reports.
var livedLine = regexp.MustCompile(`sim: seed \d+ lived ([0-9.]+)s; (\d+) faults .*; (\d+) operations`)

// cutShort are the panics with which a node rightly ends when its disk fails, in places where this test cannot stop it before
// the panic: the machine after an Adopt whose outcome is unknown, Pebble's marker files, and a goroutine that a failed Open of Pebble's (of a received state) leaves behind.
var cutShort = regexp.MustCompile(`panic: fsm: apply .*: sim: the disk fails|panic: sim: the disk fails\n(.*\n)*.*atomicfs\.\(\*Marker\)\.Move|` +
	`integer divide by zero\n(.*\n)*.*pebble/v2\.\(\*DB\)\.collectTableStats`)

// run simulates one world in a process of its own.
func (h *hours) run(t *testing.T, bin string, seed uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), worldTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, "-test.run", "^TestWorld$", "-test.timeout", "0", "-sim.world",
		fmt.Sprintf("-sim.seed=%d", seed), fmt.Sprintf("-sim.length=%v", *lengthFlag), fmt.Sprintf("-sim.log=%d", *logFlag))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) } // it prints where everybody is
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()

	h.mu.Lock()
	defer h.mu.Unlock()
	h.worlds++
	line := livedLine.FindStringSubmatch(out.String())
	if line != nil {
		seconds, _ := strconv.ParseFloat(line[1], 64)
		faults, _ := strconv.Atoi(line[2])
		operations, _ := strconv.Atoi(line[3])
		h.lived += time.Duration(seconds * float64(time.Second))
		h.faults += faults
		h.operations += operations
	}
	if err != nil && line == nil && cutShort.MatchString(out.String()) {
		t.Logf("sim: seed %d was cut short by a panic of Pebble's about its failing disk", seed)
		return
	}
	if err == nil && line == nil {
		err = errors.New("it ended without a report")
	}
	if err != nil {
		t.Errorf("seed %d: %v; to see it again:\n\tgo test ./cmd/internal/sim -run TestSim -sim.seed=%d -sim.length=%v\n%s",
			seed, err, seed, *lengthFlag, strings.ToValidUTF8(out.String(), "?"))
		return
	}
	t.Logf("%s", strings.TrimSpace(out.String()))
}
