package resp

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"cairn/fsm/command"
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
	all := append(settableParams(), fixedParams()...)
	if s.o.LogLevel == nil {
		i := slices.IndexFunc(all, func(p param) bool { return p.name == "loglevel" })
		all[i].set = nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.o.Config)) {
		p := immutable(name, s.o.Config[name])
		switch i := slices.IndexFunc(all, func(p param) bool { return p.name == name }); {
		case i < 0:
			all = append(all, p)
		case all[i].set == nil:
			all[i] = p
		}
	}
	return all
}

func settableParams() []param {
	return []param{
		integer("maxclients", 1, math.MaxUint32, func(s *settings) int64 { return int64(s.maxClients) },
			func(s *settings, n int64) { s.maxClients = int(n) }),
		memory("proto-max-bulk-len", func(s *settings) *int64 { return &s.maxBulk }),
		memory("client-query-buffer-limit", func(s *settings) *int64 { return &s.queryBuffer }),
		boundOrNone("maxmemory-clients", func(s *settings) *int64 { return &s.clientMemory }),
		integer("timeout", 0, math.MaxInt32, func(s *settings) int64 { return int64(s.timeout / time.Second) },
			func(s *settings, n int64) { s.timeout = time.Duration(n) * time.Second }),
		integer("tcp-keepalive", 0, math.MaxInt32, func(s *settings) int64 { return int64(s.keepAlive / time.Second) },
			func(s *settings, n int64) { s.keepAlive = time.Duration(n) * time.Second }),
		{name: "requirepass", get: func(s *Server) string { return s.settings.load().requirePass },
			set: func(next *settings, value string) error { next.requirePass = value; return nil }},
		yesNo("protected-mode", func(s *settings) *bool { return &s.protected }),
		encoding("hash-max-listpack-entries", func(e *command.Encodings) *int64 { return &e.HashEntries }),
		encoding("hash-max-ziplist-entries", func(e *command.Encodings) *int64 { return &e.HashEntries }),
		encoding("hash-max-listpack-value", func(e *command.Encodings) *int64 { return &e.HashValue }),
		encoding("hash-max-ziplist-value", func(e *command.Encodings) *int64 { return &e.HashValue }),
		{name: "loglevel", get: func(s *Server) string { return s.settings.load().logLevel }, set: setLogLevel},
	}
}

// fixedParams are what clients ask for, or set, though there is nothing to choose.
func fixedParams() []param {
	return []param{
		only("activedefrag", "no"), only("appendfsync", "always"), only("appendonly", "yes"), immutable("bind", ""),
		only("client-output-buffer-limit", ""), immutable("cluster-enabled", "yes"), only("cluster-require-full-coverage", "yes"),
		immutable("daemonize", "no"), immutable("databases", strconv.Itoa(databases)), immutable("dir", ""), immutable("io-threads", "1"),
		immutable("logfile", ""), only("maxmemory", "0"), only("maxmemory-policy", "noeviction"), only("maxmemory-samples", "5"),
		only("notify-keyspace-events", ""), immutable("port", "0"), only("replica-read-only", "yes"),
		only("save", ""), only("slowlog-log-slower-than", "-1"), only("slowlog-max-len", "0"), immutable("supervised", "no"),
		immutable("tls-port", "0"), immutable("unixsocket", ""),
	}
}

// immutable is a parameter that Redis does not let anybody set while it runs, or that this node got when it started.
func immutable(name, value string) param {
	return param{name: name, get: func(*Server) string { return value }}
}

// only is a parameter that Redis lets one set and that has one value here; setting it to that is no error.
func only(name, value string) param {
	p := immutable(name, value)
	p.set = func(_ *settings, to string) error {
		if to != value {
			return reply.Errorf("Cairn knows only the value '%s'", value)
		}
		return nil
	}
	return p
}
