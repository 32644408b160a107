//go:build linux

package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// cairn is the program under test: the one CAIRN_FAULTS_BINARY names, or else one that is built here, once.
var cairn = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("CAIRN_FAULTS_BINARY"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "cairn-faults-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "cairn")
	build := exec.Command("go", "build", "-o", path, "cairn/cmd/cairn")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := cairn(); err == nil && os.Getenv("CAIRN_FAULTS_BINARY") == "" {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// newSeed returns the seed of a test, which it prints.
func newSeed(t *testing.T) (uint64, *rand.Rand) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("CAIRN_FAULTS_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("CAIRN_FAULTS_SEED: %v", err)
		}
		seed = n
	}
	name, _, _ := strings.Cut(t.Name(), "/")
	more := ""
	if minutes := os.Getenv("CAIRN_FAULTS_MINUTES"); minutes != "" {
		more = " CAIRN_FAULTS_MINUTES=" + minutes
	}
	t.Logf("seed: CAIRN_FAULTS_SEED=%d%s go test -v -count=1 -run '^%s$' ./cmd/internal/faults", seed, more, name)
	return seed, rand.New(rand.NewPCG(seed, 0))
}

// needs ends a test for which the machine lacks something: as failed where CI=true, as skipped elsewhere.
func needs(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: %v (CI=true, so this is a failure)", what, err)
	}
	t.Skipf("%s: %v; NOT TESTED on this machine", what, err)
}

// large says whether the tests that take gigabytes and minutes run at full size.
func large() bool { return os.Getenv("CAIRN_FAULTS_LARGE") == "1" }

// until waits until cond is true.
func until(t *testing.T, what string, limit time.Duration, cond func() bool) {
	t.Helper()
	if !await(limit, cond) {
		t.Fatalf("waited %v for %s", limit, what)
	}
}

// await waits until cond is true, and says whether it came to be.
func await(limit time.Duration, cond func() bool) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !cond(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
