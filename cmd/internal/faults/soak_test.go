//go:build linux

package faults

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestSoak does faults of all kinds for as many minutes as CAIRN_FAULTS_MINUTES says, on a new cluster every ten
// minutes. scripts/faults.sh runs it.
func TestSoak(t *testing.T) {
	minutes, _ := strconv.ParseFloat(os.Getenv("CAIRN_FAULTS_MINUTES"), 64) // 0 when it is not set
	if minutes <= 0 {
		t.Skip("CAIRN_FAULTS_MINUTES is not set; run scripts/faults.sh MINUTES")
	}
	end := time.Now().Add(time.Duration(minutes * float64(time.Minute)))
	var all tally
	n, clusters := 0, 0
	for ; time.Now().Before(end) && !t.Failed(); clusters++ {
		// A failure of one cluster must not hide in the figures of the next: each is a test of its own.
		t.Run(strconv.Itoa(clusters), func(t *testing.T) {
			seed, rng := newSeed(t)
			faults, checked := soak(t, seed, rng, minTime(end, time.Now().Add(10*time.Minute)))
			n += faults
			all.add(checked)
		})
	}
	t.Logf("%v: %d clusters, %d faults, %s", time.Duration(minutes*float64(time.Minute)), clusters, n, all)
}

func soak(t *testing.T, seed uint64, rng *rand.Rand, end time.Time) (int, tally) {
	reads := []string{"linearizable", "lease"}[rng.IntN(2)]
	snapshots := []string{"1", "10", "10", "100"}[rng.IntN(4)]
	t.Logf("--reads %s --snapshot-entries %s", reads, snapshots)
	c := startNetworked(t, seed, "--election-wait", "1s", "--reads", reads, "--snapshot-entries", snapshots)
	l := startLoad(c, seed, 4+rng.IntN(8))
	n := c.run(l, rng, slices.Concat(signalFaults(), networkFaults(), seatFaults()), func(int) bool { return time.Now().After(end) })
	l.finish()
	return n, l.checked
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
