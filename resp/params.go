package resp

import (
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"cairn/fsm/reply"
)

// param is one parameter of CONFIG. A parameter without set cannot be set.
type param struct {
	name string
	get  func(s *Server) string
	set  func(next *settings, value string) error
}

// params returns every parameter: those that can be set, those that are as they are, and Options.Config.
func (s *Server) params() []param {
	all := settableParams()
	if s.o.LogLevel == nil {
		i := slices.IndexFunc(all, func(p param) bool { return p.name == "loglevel" })
		all[i].set = nil
	}
	for _, pair := range fixedParams() {
		all = append(all, fixed(pair[0], pair[1]))
	}
	for _, name := range slices.Sorted(maps.Keys(s.o.Config)) {
		p := fixed(name, s.o.Config[name])
		switch i := slices.IndexFunc(all, func(p param) bool { return p.name == name }); {
		case i < 0:
			all = append(all, p)
		case all[i].set == nil:
			all[i] = p
		}
	}
	return all
}

func fixed(name, value string) param {
	return param{name: name, get: func(*Server) string { return value }}
}

func settableParams() []param {
	return []param{
		integer("maxclients", 1, math.MaxUint32, func(s *settings) int64 { return int64(s.maxClients) },
			func(s *settings, n int64) { s.maxClients = int(n) }),
		memory("proto-max-bulk-len", func(s *settings) *int64 { return &s.maxBulk }),
		memory("client-query-buffer-limit", func(s *settings) *int64 { return &s.queryBuffer }),
		integer("timeout", 0, math.MaxInt32, func(s *settings) int64 { return int64(s.timeout / time.Second) },
			func(s *settings, n int64) { s.timeout = time.Duration(n) * time.Second }),
		integer("tcp-keepalive", 0, math.MaxInt32, func(s *settings) int64 { return int64(s.keepAlive / time.Second) },
			func(s *settings, n int64) { s.keepAlive = time.Duration(n) * time.Second }),
		{name: "requirepass", get: func(s *Server) string { return s.settings.load().requirePass },
			set: func(next *settings, value string) error { next.requirePass = value; return nil }},
		{name: "loglevel", get: func(s *Server) string { return s.settings.load().logLevel }, set: setLogLevel},
	}
}

// fixedParams are what clients ask for though there is nothing to choose.
func fixedParams() [][2]string {
	return [][2]string{
		{"activedefrag", "no"}, {"appendfsync", "always"}, {"appendonly", "yes"}, {"bind", ""}, {"client-output-buffer-limit", ""},
		{"cluster-enabled", "yes"}, {"cluster-require-full-coverage", "yes"}, {"daemonize", "no"}, {"databases", strconv.Itoa(databases)},
		{"dir", ""}, {"io-threads", "1"}, {"logfile", ""}, {"maxmemory", "0"}, {"maxmemory-policy", "noeviction"},
		{"maxmemory-samples", "5"}, {"notify-keyspace-events", ""}, {"port", "0"}, {"protected-mode", "no"}, {"replica-read-only", "yes"},
		{"save", ""}, {"slowlog-log-slower-than", "-1"}, {"slowlog-max-len", "0"}, {"supervised", "no"}, {"tls-port", "0"}, {"unixsocket", ""},
	}
}

func integer(name string, low, high int64, get func(*settings) int64, set func(*settings, int64)) param {
	return param{
		name: name,
		get:  func(s *Server) string { return strconv.FormatInt(get(s.settings.load()), 10) },
		set: func(next *settings, value string) error {
			n, ok := parseLength([]byte(value))
			if !ok {
				return reply.UserError("argument couldn't be parsed into an integer")
			}
			if n < low || n > high {
				return notBetween(low, high)
			}
			set(next, n)
			return nil
		},
	}
}

// memory is a number of bytes, at least 1 MiB, which may be written with a unit.
func memory(name string, field func(*settings) *int64) param {
	return param{
		name: name,
		get:  func(s *Server) string { return strconv.FormatInt(*field(s.settings.load()), 10) },
		set: func(next *settings, value string) error {
			n, ok := parseMemory(value)
			if !ok {
				return reply.UserError("argument must be a memory value")
			}
			if n < minBulkLen {
				return notBetween(minBulkLen, math.MaxInt64)
			}
			*field(next) = n
			return nil
		},
	}
}

func notBetween(low, high int64) error {
	return reply.Errorf("argument must be between %d and %d inclusive", low, high)
}

// parseMemory reads a number of bytes as Redis does: k is a thousand, kb is 1024.
func parseMemory(s string) (int64, bool) {
	digits := strings.TrimRight(strings.ToLower(s), "bkmg")
	units := map[string]int64{"": 1, "b": 1, "k": 1e3, "kb": 1 << 10, "m": 1e6, "mb": 1 << 20, "g": 1e9, "gb": 1 << 30}
	unit, known := units[strings.ToLower(s[len(digits):])]
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || !known || n > uint64(math.MaxInt64/unit) {
		return 0, false
	}
	return int64(n) * unit, true
}

// logLevels are Redis's names for log levels, and ours.
func logLevels() ([]string, []slog.Level) {
	return []string{"debug", "verbose", "notice", "warning"}, []slog.Level{slog.LevelDebug, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn}
}

func setLogLevel(next *settings, value string) error {
	names, _ := logLevels()
	if !slices.Contains(names, strings.ToLower(value)) {
		return reply.Errorf("argument(s) must be one of the following: %s", strings.Join(names, ", "))
	}
	next.logLevel = strings.ToLower(value)
	return nil
}

func slogLevel(name string) slog.Level {
	names, levels := logLevels()
	return levels[slices.Index(names, name)]
}

// logLevelName is the name of a level.
func logLevelName(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "debug"
	case level < slog.LevelWarn:
		return "notice"
	}
	return "warning"
}
