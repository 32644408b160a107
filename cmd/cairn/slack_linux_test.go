package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestTimerSlack: every thread of a serving process has the slack, Go's own too, and the process is the one that was
// started.
func TestTimerSlack(t *testing.T) {
	p := startNodes(t, 1)
	pid := p.nodes[0].cmd.Process.Pid
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || !strings.Contains(string(environ), slackMark+"=") {
		t.Fatalf("%v: the process was not run anew: %q", err, environ)
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(threads) < 2 {
		t.Fatal(threads, err)
	}
	for _, thread := range threads {
		slack, err := os.ReadFile(filepath.Join("/proc", filepath.Base(thread), "timerslack_ns"))
		switch {
		case os.IsPermission(err): // only root may look at another thread's
		case os.IsNotExist(err): // the thread has ended
		case err != nil:
			t.Fatal(err)
		case strings.TrimSpace(string(slack)) != strconv.FormatInt(timerSlack.Nanoseconds(), 10):
			t.Errorf("%s has a slack of %s", thread, slack)
		}
	}
}
