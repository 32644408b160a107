package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is how late the kernel may wake a thread that sleeps. Go's monitor thread sleeps for 20 us at a time
// while threads are in system calls, and a node that syncs and answers clients always has some there: at the kernel's
// 50 us it took one seventh of a busy cluster's processor time, for nothing. What Cairn itself waits for by the clock
// is measured in milliseconds.
const timerSlack = 500 * time.Microsecond

// slackTimers sets the slack of all threads. A thread has that of the one that began it, and Go's monitor is there
// before any code of ours: so the process executes itself anew, which keeps its number, its slack, and all that it
// was given. It returns where that has been done, or cannot be done: the node is then slower, and nothing else.
func slackTimers() error {
	if os.Getenv(slackMark) != "" {
		return os.Unsetenv(slackMark)
	}
	path, err := os.Executable()
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack.Nanoseconds()), 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	return fmt.Errorf("%s: %w", path, syscall.Exec(path, os.Args, append(os.Environ(), slackMark+"="+timerSlack.String())))
}
