//go:build !linux

package main

// slackTimers does nothing: only Linux has a slack of timers.
func slackTimers() error { return nil }
