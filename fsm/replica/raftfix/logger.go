package raftfix

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// NewLogger hands hashicorp/raft's log lines to l, each at the level that it has for an operator of this node. Raft is
// talkative (a line or more for each snapshot), so its information is our debugging.
func NewLogger(l *slog.Logger) hclog.Logger {
	h := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Warn, Output: io.Discard})
	h.RegisterSink(raftSink{l})
	return h
}

type raftSink struct{ l *slog.Logger }

// Accept implements hclog.SinkAdapter.
func (s raftSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	l := slog.LevelDebug
	switch {
	case level >= hclog.Error:
		l = slog.LevelError
	case level == hclog.Warn:
		l = slog.LevelWarn
	}
	if meant, known := meanings[msg]; known {
		l = min(l, meant)
	}
	if ctx := context.Background(); s.l.Enabled(ctx, l) {
		s.l.LogAttrs(ctx, l, "raft: "+msg, attrs(args)...)
	}
}

// meanings has the warnings and errors of hashicorp/raft 1.8.0 that are less to an operator, by what they say. An
// error is what somebody must act on; what is not here keeps its level: a disk that fails, and what we do not know.
// Most of these stand here because a line of ours says the same once, and what to do.
var meanings = map[string]slog.Level{
	// A peer does not answer. See progress.logAway and serving.logMissing; its own log says why it refuses.
	"failed to contact": slog.LevelDebug,
	"failed to contact quorum of nodes, stepping down": slog.LevelInfo,
	"failed to heartbeat to":                           slog.LevelDebug,
	"failed to appendEntries to":                       slog.LevelDebug,
	"failed to pipeline appendEntries":                 slog.LevelDebug,
	"failed to start pipeline replication to":          slog.LevelDebug,
	"failed to make requestVote RPC":                   slog.LevelDebug,
	"failed to decode incoming command":                slog.LevelDebug, // its link broke, or this node stops
	"failed to flush response":                         slog.LevelDebug,

	// Elections take their course. See leadership.watch.
	"no known peers, aborting election":                                                                              slog.LevelDebug,
	"not part of stable configuration, aborting election":                                                            slog.LevelDebug,
	"heartbeat timeout reached, starting election":                                                                   slog.LevelDebug,
	"Election timeout reached, restarting election":                                                                  slog.LevelDebug,
	"new leader elected, stepping down":                                                                              slog.LevelDebug,
	"peer has newer term, stopping replication":                                                                      slog.LevelDebug,
	"duplicate requestVote from":                                                                                     slog.LevelDebug,
	"rejecting vote request since node is not in configuration":                                                      slog.LevelDebug,
	"rejecting vote request since we have a leader":                                                                  slog.LevelDebug,
	"rejecting vote request since node is not a voter":                                                               slog.LevelDebug,
	"rejecting vote request since our last term is greater":                                                          slog.LevelDebug,
	"rejecting vote request since our last index is greater":                                                         slog.LevelDebug,
	"rejecting pre-vote request since node is not in configuration":                                                  slog.LevelDebug,
	"rejecting pre-vote request since we have a leader":                                                              slog.LevelDebug,
	"rejecting pre-vote request since node is not a voter":                                                           slog.LevelDebug,
	"rejecting pre-vote request since our last term is greater":                                                      slog.LevelDebug,
	"rejecting pre-vote request since our last index is greater":                                                     slog.LevelDebug,
	"heartbeat timeout reached, not part of a stable configuration or a non-voter, not triggering a leader election": slog.LevelDebug,

	// A follower catches up.
	"appendEntries rejected, sending older logs": slog.LevelDebug,
	"failed to get previous log":                 slog.LevelDebug,
	"previous log term mis-match":                slog.LevelDebug,
	"clearing log suffix":                        slog.LevelInfo, // entries that no majority had are replaced
	"skipping application of old log":            slog.LevelDebug,

	// A stream to a follower was broken off. See Streams.
	"failed to send snapshot to":       slog.LevelDebug,
	"failed to install snapshot":       slog.LevelDebug,
	"failed to copy snapshot":          slog.LevelDebug,
	"failed to receive whole snapshot": slog.LevelDebug,
	"installSnapshot rejected to":      slog.LevelDebug,

	// Whoever takes a snapshot gets the error and tries again: a change of members or a hand-over is under way.
	"failed to take snapshot": slog.LevelDebug,
}

// names are ours for some of Raft's keys. The others lose what is not a letter.
var names = map[string]string{
	"error": "err", "server-id": "peer", "target": "peer", "time": "dur", "backoff time": "backoff",
}

// attrs makes attributes of hclog's alternating keys and values.
func attrs(args []any) (all []slog.Attr) {
	for ; len(args) >= 2; args = args[2:] {
		key := fmt.Sprint(args[0])
		name, known := names[key]
		if !known {
			name = strings.NewReplacer("-", "_", " ", "_").Replace(key)
		}
		all = append(all, slog.Attr{Key: name, Value: valueOf(args[1])})
	}
	if len(args) == 1 {
		all = append(all, slog.Attr{Key: "more", Value: valueOf(args[0])})
	}
	return all
}

// valueOf returns a value as an operator reads it: a member by its name and address, and never the insides of a
// struct.
func valueOf(v any) slog.Value {
	switch v := v.(type) {
	case nil, bool, string, time.Duration, time.Time:
		return slog.AnyValue(v)
	case raft.Server:
		return slog.StringValue(Located(v).String())
	case []raft.Server:
		var members []string
		for _, s := range v {
			members = append(members, Located(s).String())
		}
		return slog.StringValue(strings.Join(members, ","))
	case hclog.Format:
		return formatted(v)
	case error:
		return slog.StringValue(strings.ReplaceAll(v.Error(), "\n", "; "))
	case fmt.Stringer:
		return slog.StringValue(v.String())
	}
	switch r := reflect.ValueOf(v); {
	case r.Kind() == reflect.String:
		return slog.StringValue(r.String())
	case r.CanInt() || r.CanUint() || r.CanFloat():
		return slog.AnyValue(v)
	}
	return slog.StringValue(fmt.Sprintf("%T", v))
}

// formatted is for hclog.Fmt: a format and what goes into it.
func formatted(f hclog.Format) slog.Value {
	switch format, ok := f[0].(string); {
	case len(f) == 2:
		return valueOf(f[1])
	case ok:
		return slog.StringValue(fmt.Sprintf(format, f[1:]...))
	}
	return slog.StringValue(fmt.Sprint(f...))
}
