//go:build linux

package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFullDiskReceiving: a follower that was away is sent a state that its disk cannot hold. It says so, keeps the
// state that it has and nothing of the other, holds nobody up, and comes back when there is room.
func TestFullDiskReceiving(t *testing.T) {
	t.Parallel()
	seed, rng := newSeed(t)
	dir, grow := smallDisk(t, 64)
	c := newCluster(t, 3)
	p := c.nodes[2]
	p.dir = dir + "/data"
	c.begin([]string{"--election-wait", "1s"})
	c.follows(2)
	l := startLoad(c, seed, 4)
	c.set("kept", []string{"of the old state"})
	until(t, "the follower to have it", time.Minute, func() bool { return string(c.ask(2, "GET", "kept").Str) == "of the old state" })
	p.end(syscall.SIGTERM)                        // what it has is in the state then, not only in the log
	c.set("large", junks(rng, 96<<10, 1000))      // a state that does not fit
	c.set("many", make([]string, trailingLogs+1)) // and a log that does not reach back
	before := len(p.said())
	p.start()
	until(t, "the follower to be full", time.Minute, func() bool {
		return strings.Contains(p.said()[before:], "no space left")
	})
	l.more(200)
	until(t, "nothing to be left of what did not fit", time.Minute, func() bool { return len(stateFolder(t, p)) == 3 })
	p.end(syscall.SIGKILL)
	t.Logf("it said %q", said(p.said()[before:], "no space left"))
	path, err := cairn()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "dump", "--keys", p.dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "of the old state") || strings.Contains(string(out), "large:") {
		t.Errorf("the full node's state, %v:\n%.2000s", err, out)
	}
	grow(2048)
	p.start()
	c.caughtUp(2)
	if names := stateFolder(t, p); len(names) != 3 {
		t.Errorf("in its folder are %v", names)
	}
	l.finish()
	t.Log(l.checked)
}

// stateFolder lists what is in the folder of a node's state: CURRENT, LOCK and one state, when nothing is being
// received.
func stateFolder(t *testing.T, p *process) []os.DirEntry {
	t.Helper()
	names, err := os.ReadDir(filepath.Join(p.dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// trailingLogs is replica.Options.TrailingLogs by default.
const trailingLogs = 10_240

// junks returns values that nothing makes smaller.
func junks(rng *rand.Rand, size, n int) []string {
	var values []string
	for range n {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		values = append(values, string(b))
	}
	return values
}

// set sets name:0 and so on to values, each in an entry of its own.
func (c *cluster) set(name string, values []string) {
	c.t.Helper()
	var cl *client
	hangUp := func() {
		if cl != nil {
			cl.Close()
			cl = nil
		}
	}
	defer func() { hangUp() }()
	for i, v := range values {
		key := name
		if len(values) > 1 {
			key = fmt.Sprint(name, ":", i)
		}
		until(c.t, "SET "+key, time.Minute, func() bool {
			if cl == nil {
				cl, _ = c.nodes[c.leader()].dial(10 * time.Second) // nil with an error
			}
			if cl == nil {
				return false
			}
			r, err := cl.Cmd("SET", key, v)
			if done := err == nil && string(r.Str) == "OK"; done {
				return true
			}
			hangUp() // it leads no more
			return false
		})
	}
}
