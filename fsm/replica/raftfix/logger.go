package raftfix

import (
	"io"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// NewLogger hands hashicorp/raft's log lines to l. Raft is talkative (a line or more for each snapshot), so its
// information is our debugging.
func NewLogger(l *slog.Logger) hclog.Logger {
	h := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Warn, Output: io.Discard})
	h.RegisterSink(raftSink{l})
	return h
}

type raftSink struct{ l *slog.Logger }

// Accept implements hclog.SinkAdapter.
func (s raftSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	switch {
	case level >= hclog.Error:
		s.l.Error("raft: "+msg, args...)
	case level == hclog.Warn:
		s.l.Warn("raft: "+msg, args...)
	default:
		s.l.Debug("raft: "+msg, args...)
	}
}
