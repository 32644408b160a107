package sim

import (
	"context"
	"log/slog"
	"strings"

	"cairn/fsm"
)

// handler receives the log of a node. It keeps the newest lines for the report of a violation, and it is where a node
// is stopped that is about to panic because of its disk.
type handler struct {
	m     *member
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.m, append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

// WithGroup implements slog.Handler; the nodes have no groups.
func (h *handler) WithGroup(string) slog.Handler { return h }

// Handle implements slog.Handler.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	line := strings.Builder{}
	line.WriteString(h.m.id() + " " + r.Level.String() + " " + r.Message)
	life := 0
	write := func(a slog.Attr) bool {
		if a.Key == "life" {
			life = int(a.Value.Int64())
		}
		line.WriteString(" " + a.String())
		return true
	}
	for _, a := range h.attrs {
		write(a)
	}
	r.Attrs(write)
	h.m.c.w.logLine(line.String())
	switch r.Message {
	case "pebble cannot continue", "cannot write the state's log", fsm.Stopping:
		h.m.fatal(life, line.String())
	case "pebble found a damaged file":
		h.m.c.w.violation("%s", line.String())
	}
	return nil
}

// fatal is called by a goroutine of the node that panics when it returns. It does not return.
func (m *member) fatal(life int, line string) {
	m.mu.Lock()
	if m.mu.life == life && m.mu.up {
		if !m.mu.excused {
			m.c.w.violation("a node stops by itself: %s", line)
		}
		m.crashLocked("its disk failed")
	}
	m.mu.Unlock()
	select {}
}
