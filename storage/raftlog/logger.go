package raftlog

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// logger makes a slog.Logger a pebble.Logger.
type logger struct{ log *slog.Logger }

var _ pebble.Logger = logger{}

// Infof logs what Pebble does in the background, at debug level.
func (l logger) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("pebble event", "event", fmt.Sprintf(format, args...))
	}
}

// Errorf logs a failure in the background that Pebble will try to overcome.
func (l logger) Errorf(format string, args ...any) {
	l.log.Error("pebble error", "err", fmt.Sprintf(format, args...))
}

// Fatalf is called by Pebble when it cannot go on, for instance after a failed sync of its write-ahead log: it is then
// unknown what the disk holds, and only a restart finds out. It must not return, and only main may exit the process, so
// it panics.
func (l logger) Fatalf(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	l.log.Error("pebble cannot continue", "err", msg)
	panic("storage/raftlog: pebble cannot continue: " + msg)
}

// LogCreated implements wal.EventListener.
func (l logger) LogCreated(info wal.CreateInfo) {
	l.Infof("file %s of the raft log begins, in the place of %s (%v)", info.Path, info.RecycledFileNum, info.Err)
}

func (l logger) dataCorruption(info pebble.DataCorruptionInfo) {
	l.log.Error("pebble found a damaged file", "err", info.String())
}

func (l logger) diskSlow(info vfs.DiskSlowInfo) {
	l.log.Warn("disk is slow", "dur", info.Duration, "event", info.String())
}
