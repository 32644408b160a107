package node

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What one message may write of one level: burst lines at once, then one every so often.
const (
	logBurst   = 20
	logEvery   = 10 * time.Second
	debugBurst = 1000 // who sets loglevel debug wants to see each event
	debugEvery = 10 * time.Millisecond
	logKinds   = 1024 // messages that are told apart; ours are fixed phrases, far fewer
)

// logBound is a slog.Handler that lets no message fill the disk, whoever makes the node repeat it: a stranger whose
// connections break, a peer with another secret, a disk that fails at every try. All rooms log through it, and the
// libraries below them. The first lines of every message always pass; the next one that passes says in left_out how
// many did not.
type logBound struct {
	next  slog.Handler
	kinds *logBudget // of this node: handlers with attributes share it
}

// logBudget is what is left for each message.
type logBudget struct {
	sync.Mutex
	of map[logKind]*logAllowance
}

type logKind struct {
	level   slog.Level
	message string
}

type logAllowance struct {
	rate    *rate.Limiter
	leftOut int
}

// boundLog returns a logger that writes to l what the bound allows.
func boundLog(l *slog.Logger) *slog.Logger {
	return slog.New(logBound{l.Handler(), &logBudget{of: make(map[logKind]*logAllowance)}})
}

// Enabled implements slog.Handler.
func (h logBound) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h logBound) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logBound{h.next.WithAttrs(attrs), h.kinds}
}

// WithGroup implements slog.Handler.
func (h logBound) WithGroup(name string) slog.Handler {
	return logBound{h.next.WithGroup(name), h.kinds}
}

// Handle implements slog.Handler.
func (h logBound) Handle(ctx context.Context, r slog.Record) error {
	leftOut, ok := h.kinds.take(r)
	if !ok {
		return nil
	}
	if leftOut > 0 {
		r = r.Clone()
		r.Add("left_out", leftOut)
	}
	return h.next.Handle(ctx, r)
}

// take tells whether a line may be written, and how many of its kind were left out since the last one.
func (b *logBudget) take(r slog.Record) (leftOut int, ok bool) {
	b.Lock()
	defer b.Unlock()
	kind := logKind{r.Level, r.Message}
	if b.of[kind] == nil && len(b.of) >= logKinds {
		kind.message = "" // all that are too many share one
	}
	a := b.of[kind]
	if a == nil {
		a = &logAllowance{rate: rate.NewLimiter(rate.Every(logEvery), logBurst)}
		if r.Level < slog.LevelInfo {
			a.rate = rate.NewLimiter(rate.Every(debugEvery), debugBurst)
		}
		b.of[kind] = a
	}
	if !a.rate.AllowN(r.Time, 1) {
		a.leftOut++
		return 0, false
	}
	leftOut, a.leftOut = a.leftOut, 0
	return leftOut, true
}
