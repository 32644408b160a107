// Package redistest runs a real redis-server for a test and talks to it. Its client reads RESP2 and RESP3 into
// Cairn's own replies, so that tests use it for Cairn too.
package redistest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	startTimeout = 30 * time.Second
	startTries   = 3 // a stranger can take the port first
)

// Start runs a redis-server without persistence on a free port of 127.0.0.1, in an empty folder, and returns its
// address once it answers. extraArgs are command-line options of redis-server. The server ends with the test, or with
// the test's process, however that ends. Without redis-server the test fails, or is skipped when CAIRN_NO_REDIS=1 is
// set.
func Start(t testing.TB, extraArgs ...string) (addr string) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CAIRN_NO_REDIS") == "1" {
			t.Skip("CAIRN_NO_REDIS=1, and there is no redis-server")
		}
		t.Fatal("redis-server 7.0 is not in PATH; install it with `apt-get install redis-server`" +
			" or `brew install redis`, or set CAIRN_NO_REDIS=1 to skip the tests that need it")
	}
	for range startTries {
		if addr, err = start(t, path, extraArgs); err == nil {
			return addr
		}
	}
	t.Fatal(err)
	return ""
}

// Oracle returns the address of a real Redis with an empty keyspace: the one REDIS_ADDR names, which is flushed when
// the test ends, or else a new one. A test does not destroy what it did not write: data in REDIS_ADDR fails it.
func Oracle(t testing.TB) (addr string) {
	t.Helper()
	addr = os.Getenv("REDIS_ADDR")
	if addr == "" {
		return Start(t)
	}
	c, err := Dial(addr)
	if err != nil {
		t.Fatalf("REDIS_ADDR: %v", err)
	}
	t.Cleanup(func() {
		if _, err := c.Cmd("FLUSHALL"); err != nil {
			t.Error(err)
		}
		c.Close()
	})
	info, err := c.Cmd("INFO", "keyspace")
	if err != nil {
		t.Fatal(err)
	}
	if string(info.Str) != "# Keyspace\r\n" {
		t.Fatalf("the Redis at REDIS_ADDR=%s holds data; FLUSHALL it if it is for tests", addr)
	}
	return addr
}

func start(t testing.TB, path string, extraArgs []string) (addr string, err error) {
	port := Ports(t, 1)[0]
	args := []string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir()}
	cmd := exec.Command(path, append(args, extraArgs...)...)
	var log tail
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("redistest: start redis-server: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	watch, err := watchdog(cmd.Process.Pid)
	stop := func() {
		_ = cmd.Process.Kill() // it may be gone
		<-exited
	}
	if err != nil {
		stop()
		return "", err
	}
	addr = net.JoinHostPort("127.0.0.1", port)
	if err := await(addr, cmd.Process.Pid, exited); err != nil {
		stop()
		watch()
		return "", fmt.Errorf("redistest: redis-server at %s: %w\n%s", addr, err, log.b)
	}
	t.Cleanup(func() { watch(); stop() })
	return addr, nil
}

// await returns once the server that is process pid answers at addr.
func await(addr string, pid int, exited chan error) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(startTimeout)
	for {
		if answers(addr, pid) {
			return nil
		}
		select {
		case err := <-exited:
			exited <- nil // stop waits for it too
			return fmt.Errorf("it ended: %w", errors.Join(err, errors.New("before it answered")))
		case <-timeout:
			return errors.New("it does not answer")
		case <-tick.C:
		}
	}
}

func answers(addr string, pid int) bool {
	c, err := Dial(addr)
	if err != nil {
		return false
	}
	defer c.Close()
	r, err := c.Cmd("INFO", "server")
	return err == nil && strings.Contains(string(r.Str), fmt.Sprintf("\r\nprocess_id:%d\r\n", pid))
}

// watchdog starts a shell that ends the process pid when this process ends without calling the function returned, which
// ends the shell. The shell notices by the end of its input.
func watchdog(pid int) (cancel func(), err error) {
	cmd := exec.Command("sh", "-c", `read -r line && exit; kill -9 "$0"`, strconv.Itoa(pid))
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("redistest: watchdog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("redistest: watchdog: %w", err)
	}
	return func() {
		_, _ = io.WriteString(in, "done\n") // it fails only when the shell is gone
		_ = cmd.Wait()
	}, nil
}

// tail keeps the end of what is written to it. It has one writer, and is read when that has ended.
type tail struct{ b []byte }

// Write implements io.Writer.
func (w *tail) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	w.b = w.b[max(0, len(w.b)-4096):]
	return len(p), nil
}
