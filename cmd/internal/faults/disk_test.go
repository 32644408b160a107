//go:build linux

package faults

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// mountPrefix is what the sources of this package's mounts are called, followed by the test's pid.
const mountPrefix = "cairn-faults-"

// smallDisk mounts a disk of some MiB, which grow changes.
func smallDisk(t *testing.T, mib int) (dir string, grow func(mib int)) {
	t.Helper()
	removeStaleMounts(t)
	dir = t.TempDir()
	source := fmt.Sprint(mountPrefix, os.Getpid())
	err := unix.Mount(source, dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib))
	needs(t, "a small disk needs root", err)
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir, func(mib int) {
		if err := unix.Mount(source, dir, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%dm", mib)); err != nil {
			t.Fatal(err)
		}
	}
}

// removeStaleMounts removes the mounts of tests that were killed.
func removeStaleMounts(t *testing.T) {
	b, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		pid, ok := strings.CutPrefix(words[0], mountPrefix)
		if _, err := os.Stat("/proc/" + pid); ok && os.IsNotExist(err) {
			_ = unix.Unmount(words[1], unix.MNT_DETACH)
		}
	}
}

// TestFullDisk fills one node's disk under load. It must say so and stop or refuse; the others go on; nothing that was
// acknowledged is lost; it serves again when it is started with more room.
func TestFullDisk(t *testing.T) {
	for _, name := range []string{"follower", "leader"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed, rng := newSeed(t)
			dir, grow := smallDisk(t, 32)
			c := newCluster(t, 3)
			full := rng.IntN(3)
			p := c.nodes[full]
			p.dir = dir + "/data"
			c.begin([]string{"--election-wait", "1s"})
			c.lead(full, name == "leader")
			l := startLoad(c, seed, 4)
			c.fill(l, full)
			l.more(50) // the others serve
			if !p.running() {
				p.wait()
				c.startFull(p)
			}
			p.end(syscall.SIGKILL)
			grow(1024)
			p.start()
			c.caughtUp(full)
			l.more(50)
			l.finish()
			t.Logf("%s", l.checked)
		})
	}
}

// TestStartOnFullDisk: a node that is started on a full disk says LOADING, and why, every few seconds. It takes no
// processor, ends at once on SIGTERM, and goes on by itself when there is room, with all that was acknowledged.
func TestStartOnFullDisk(t *testing.T) {
	dir, grow := smallDisk(t, 40)
	c := newCluster(t, 1)
	p := c.nodes[0]
	p.dir = dir + "/data"
	c.begin(nil)
	value, acked := strings.Repeat("v", 64<<10), 0
	for p.writes(fmt.Sprint("k:", acked), value) == nil {
		acked++
	}
	if !await(10*time.Second, func() bool { return !p.running() }) {
		t.Fatal("the node goes on without taking writes")
	}
	p.wait()
	if acked < 50 {
		t.Fatalf("only %d values of 64 KiB fit in 40 MiB", acked)
	}

	loading := func() bool {
		_, err := p.mget([]string{"k:0"})
		return err != nil && strings.HasPrefix(err.Error(), "LOADING")
	}
	for _, last := range []bool{false, true} {
		before := len(p.said())
		p.start()
		until(t, "LOADING", 20*time.Second, loading)
		used := p.processorTime()
		<-time.After(7 * time.Second)
		if used = p.processorTime() - used; used > 500*time.Millisecond {
			t.Errorf("it takes %v of a processor in seven seconds", used)
		}
		if said := p.said()[before:]; strings.Count(said, "\n") > 10 || strings.Count(said, "no space left") < 2 {
			t.Errorf("it says %q", said)
		}
		if last {
			break
		}
		began := time.Now()
		if code := p.end(syscall.SIGTERM); code != 0 || time.Since(began) > 5*time.Second {
			t.Errorf("after SIGTERM it ends after %v with code %d", time.Since(began), code)
		}
	}
	grow(400)
	c.caughtUp(0)
	for i := range acked {
		if got, err := p.get(fmt.Sprint("k:", i)); err != nil || !strings.Contains(got, value) {
			t.Fatalf("value %d of %d: %d bytes, %v", i, acked, len(got), err)
		}
	}
	if err := p.writes("more", value); err != nil {
		t.Error(err)
	}
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("it ends with code %d", code)
	}
}

// processorTime returns how much of a processor the process has taken.
func (p *process) processorTime() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), ") ")
	words := strings.Fields(after)
	var ticks time.Duration
	for _, word := range words[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.Atoi(word)
		if err != nil {
			p.t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond
}

// lead restarts leaders until a node leads, or does not.
func (c *cluster) lead(node int, leads bool) {
	for leader := c.leader(); (leader == node) != leads; leader = c.leader() {
		c.nodes[leader].end(syscall.SIGTERM)
		c.leader()
		c.nodes[leader].start()
	}
}

// fill writes until a node with a small disk has ended or has said that it is full.
func (c *cluster) fill(l *load, node int) {
	c.t.Helper()
	p := c.nodes[node]
	junk := strings.Repeat("junk", 64<<10)
	at, n := 0, 0
	ok := await(time.Minute, func() bool {
		n++
		if c.nodes[at].writes(fmt.Sprint("fill:", n), junk) != nil {
			at = (at + 1) % len(c.nodes)
		}
		return !p.running() || strings.Contains(p.said(), "no space left")
	})
	if !ok {
		c.t.Fatal("the disk does not fill up, or the node does not say so")
	}
	await(5*time.Second, func() bool { return !p.running() })
	c.t.Logf("the node with the full disk runs: %v; it says %q", p.running(), said(p.said(), "no space left"))
	if !strings.Contains(p.said(), "no space left") {
		c.t.Error("the node does not name the cause")
	}
}

// startFull starts a node while its disk is still full: it may fail, with a word about the disk, and must harm nothing.
func (c *cluster) startFull(p *process) {
	before := len(p.said())
	p.start()
	await(3*time.Second, func() bool { return !p.running() })
	said1 := p.said()[before:]
	c.t.Logf("started on the full disk it runs: %v; it says %q", p.running(), said(said1, "no space left"))
	if !p.running() && !strings.Contains(said1, "no space left") {
		c.t.Errorf("started on the full disk it does not name the cause: %s", said1)
	}
}

// said returns the first line of a text with a word in it.
func said(text, word string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// caughtUp waits until a node answers reads.
func (c *cluster) caughtUp(node int) {
	c.t.Helper()
	until(c.t, "the node to answer reads", time.Minute, func() bool {
		_, err := c.nodes[node].get("x")
		return err == nil
	})
}
