package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// patience is how long a driver may take for one thing.
const patience = 45 * time.Second

// driver is the process of a client: it obeys lines and tells what became of each call.
type driver struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan string // "done …" or "fail …"

	mu    sync.Mutex
	calls []call
}

// startDriver starts the process in its folder; the caller ends it.
func startDriver(packages string, command []string) (*driver, error) {
	d := &driver{answers: make(chan string, 1)}
	for i, w := range command {
		command[i] = driverPath(packages, w)
	}
	d.cmd = exec.Command(command[0], command[1:]...)
	// What libraries say there is their own debugging, and much of it.
	log, err := os.OpenFile(filepath.Join(packages, "drivers.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d.cmd.Stderr = log
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go d.listen(out)
	return d, nil
}

// endProcess ends the process.
func (d *driver) endProcess() {
	d.in.Close()
	_ = d.cmd.Process.Kill() // it may have ended
	_ = d.cmd.Wait()
}

// listen reads what the process says until it ends.
func (d *driver) listen(out io.Reader) {
	defer close(d.answers)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		c, err := parseCall(line)
		if err != nil {
			d.answers <- line
			continue
		}
		d.mu.Lock()
		d.calls = append(d.calls, c)
		d.mu.Unlock()
	}
}

// ask sends a line and waits for the answer.
func (d *driver) ask(ctx context.Context, line string) (string, error) {
	if _, err := fmt.Fprintln(d.in, line); err != nil {
		return "", err
	}
	select {
	case answer, ok := <-d.answers:
		if !ok {
			return "", errors.New("the driver ended")
		}
		if text, failed := strings.CutPrefix(answer, "fail "); failed {
			return "", errors.New(text)
		}
		return strings.TrimSpace(strings.TrimPrefix(answer, "done")), nil
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(patience):
		return "", fmt.Errorf("no answer to %q in %v", line, patience)
	}
}

// startLoad starts the callers.
func (d *driver) startLoad(key string) error {
	d.mu.Lock()
	d.calls = nil
	d.mu.Unlock()
	_, err := fmt.Fprintln(d.in, "load", key)
	return err
}

// rest stops the callers and returns their calls, in the order in which they ended.
func (d *driver) rest(ctx context.Context) ([]call, error) {
	_, err := d.ask(ctx, "rest")
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls, err
}

// settle waits for at least a time from then on, and until every caller's calls have succeeded for a second; twenty
// seconds at most.
func (d *driver) settle(ctx context.Context, since time.Time, least time.Duration) {
	for time.Since(since) < 20*time.Second && ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
		if time.Since(since) > least && d.calm(time.Now().Add(-time.Second)) {
			return
		}
	}
}

// calm tells whether every caller has an acknowledged call that began since then, and none has an error.
func (d *driver) calm(since time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	var acked [callers]bool
	for i := len(d.calls) - 1; i >= 0 && d.calls[i].ended > millis(since); i-- {
		c := d.calls[i]
		if c.err != "" {
			return false
		}
		acked[c.caller] = acked[c.caller] || c.began > millis(since)
	}
	return acked == [callers]bool{true, true, true, true}
}

// parseCall reads "ack CALLER BEGAN ENDED VALUE" or "err CALLER BEGAN ENDED TEXT".
func parseCall(line string) (c call, err error) {
	words := strings.SplitN(line, " ", 5)
	if len(words) < 5 || words[0] != "ack" && words[0] != "err" {
		return c, errors.New("no call")
	}
	c.caller, err = strconv.Atoi(words[1])
	began, err1 := strconv.ParseFloat(words[2], 64)
	ended, err2 := strconv.ParseFloat(words[3], 64)
	c.began, c.ended = began, ended
	if err = errors.Join(err, err1, err2); err != nil || c.caller < 0 || c.caller >= callers {
		return c, fmt.Errorf("no call: %q, %w", line, err)
	}
	if words[0] == "err" {
		c.err = words[4]
		return c, nil
	}
	c.value, err = strconv.ParseInt(words[4], 10, 64)
	return c, err
}
