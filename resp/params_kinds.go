package resp

import (
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"

	"cairn/fsm/command"
	"cairn/fsm/reply"
)

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

// encoding is a number that says what OBJECT ENCODING answers; two names may say one.
func encoding(name string, field func(*command.Encodings) *int64) param {
	return integer(name, 0, math.MaxInt64, func(s *settings) int64 { return *field(&s.encodings) },
		func(s *settings, n int64) { *field(&s.encodings) = n })
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

// boundOrNone is a number of bytes, which may be written with a unit; 0 is no bound. Redis also takes percents of
// maxmemory, which is 0 here.
func boundOrNone(name string, field func(*settings) *int64) param {
	p := memory(name, field)
	p.set = func(next *settings, value string) error {
		n, ok := parseMemory(value)
		if !ok {
			return reply.UserError("argument must be a memory or percent value")
		}
		*field(next) = n
		return nil
	}
	return p
}

func yesNo(name string, field func(*settings) *bool) param {
	return param{
		name: name,
		get: func(s *Server) string {
			if *field(s.settings.load()) {
				return "yes"
			}
			return "no"
		},
		set: func(next *settings, value string) error {
			yes := strings.EqualFold(value, "yes")
			if !yes && !strings.EqualFold(value, "no") {
				return reply.UserError("argument must be 'yes' or 'no'")
			}
			*field(next) = yes
			return nil
		},
	}
}

func notBetween(low, high int64) error {
	return reply.Errorf("argument must be between %d and %d inclusive", low, high)
}

// parseMemory reads a number of bytes as Redis does: k is a thousand, kb is 1024, and no digits are 0.
func parseMemory(s string) (int64, bool) {
	digits := strings.TrimRight(strings.ToLower(s), "bkmg")
	units := map[string]int64{"": 1, "b": 1, "k": 1e3, "kb": 1 << 10, "m": 1e6, "mb": 1 << 20, "g": 1e9, "gb": 1 << 30}
	unit, known := units[strings.ToLower(s[len(digits):])]
	if digits == "" {
		digits = "0"
	}
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
