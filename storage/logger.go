package storage

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
)

// pebbleLogger makes a slog.Logger a pebble.Logger.
type pebbleLogger struct{ log *slog.Logger }

// Infof logs what Pebble does in the background.
func (p pebbleLogger) Infof(format string, args ...any) {
	if p.log.Enabled(context.Background(), slog.LevelDebug) {
		p.log.Debug("pebble event", "event", fmt.Sprintf(format, args...))
	}
}

// Errorf logs a failure in the background that Pebble will try to overcome.
func (p pebbleLogger) Errorf(format string, args ...any) {
	p.log.Error("pebble error", "err", fmt.Sprintf(format, args...))
}

// Fatalf is called when Pebble cannot write its log or its manifest. It must not return, for nothing after it can be
// promised, and only main may exit: the panic ends the process as a crash would, and a restart finds what is durable.
func (p pebbleLogger) Fatalf(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	p.log.Error("pebble cannot continue", "err", msg)
	panic("storage: pebble cannot continue: " + msg)
}

// dataCorruption replaces Pebble's default, which is Fatalf: who reads the damaged block gets the error.
func (p pebbleLogger) dataCorruption(info pebble.DataCorruptionInfo) {
	p.log.Error("pebble found a damaged file", "err", info.String())
}
