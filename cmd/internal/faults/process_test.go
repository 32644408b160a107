//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is one node. Its signals and its end come from one goroutine.
type process struct {
	t      *testing.T
	addr   string
	dir    string
	within []string // the command that runs it in its network
	space  string   // that network's name
	device string   // its end of the cable there
	args   []string
	log    *os.File
	cmd    *exec.Cmd // nil when it is not running
	ended  chan struct{}
}

// start starts the process; it may be running already.
func (p *process) start() {
	p.t.Helper()
	if p.cmd != nil {
		return
	}
	path, err := cairn()
	if err != nil {
		p.t.Fatal(err)
	}
	words := append(append(append([]string{}, p.within...), path, "serve", "--dir", p.dir), p.args...)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // the nodes end with the test, however it ends
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The signal comes when the thread that started the process ends: keep that one until the process has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the exit code is in ProcessState
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		p.t.Fatal(err)
	}
	p.cmd, p.ended = cmd, ended
}

// signal sends a signal to a running process.
func (p *process) signal(s syscall.Signal) {
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s) // it may have ended
	}
}

// end sends a signal, waits for the end and returns the exit code; 0 when it was not running.
func (p *process) end(with syscall.Signal) int {
	if p.cmd == nil {
		return 0
	}
	p.signal(with)
	return p.wait()
}

// wait waits for the end and returns the exit code, -1 after a signal.
func (p *process) wait() int {
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		p.t.Errorf("%s does not end", p.addr)
		p.signal(syscall.SIGQUIT) // it says where it hangs
		<-p.ended
	}
	code := p.cmd.ProcessState.ExitCode()
	p.cmd = nil
	return code
}

// running says whether the process has not ended by itself.
func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// said returns what the process has printed so far.
func (p *process) said() string {
	b, err := os.ReadFile(p.log.Name())
	if err != nil {
		p.t.Error(err)
	}
	return string(b)
}

// memory returns a figure of /proc/PID/status in bytes: VmRSS is what it uses, VmHWM the most it has used.
func (p *process) memory(name string) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Error(err)
	}
	var kib int64
	if _, rest, ok := bytes.Cut(b, []byte(name+":")); ok {
		_, err = fmt.Sscan(string(rest), &kib)
	}
	if err != nil {
		p.t.Error(err)
	}
	return kib << 10
}

// dial connects a client whose operations end after a limit.
func (p *process) dial(limit time.Duration) (*client, error) { return dial(p.addr, limit) }

// info returns one line of INFO, "" when the node does not answer.
func (p *process) info(name string) string {
	if !p.running() {
		return ""
	}
	c, err := p.dial(time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	r, err := c.Cmd("INFO")
	if err != nil {
		return ""
	}
	for line := range strings.SplitSeq(string(r.Str), "\r\n") {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return value
		}
	}
	return ""
}
